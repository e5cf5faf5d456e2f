from __future__ import annotations

import inspect
from collections.abc import Callable

import click


@click.command("list")
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("-v", "--verbose", is_flag=True,
              help="Each argument with its values and default; parameters and GFLOPs of backbones and heads.")  # fmt: skip
@click.option("--plugin", "plugins", multiple=True, help="A file or module that registers components; may be repeated.")
def command(kind: str | None, name: str | None, verbose: bool, plugins: tuple[str, ...]) -> None:
    """List the components of KIND (backbones, heads, losses, ...) with their arguments; all names if none is given.

    NAME shows that one alone, or all whose name contains it. Those of installed packages are there too.
    """
    from raypose.errors import RayPoseError, nearest
    from raypose.plugins import load_plugins
    from raypose.registry import REGISTRIES

    load_plugins(list(plugins))
    if kind is None:
        return _all_names(verbose)
    if kind not in REGISTRIES:
        raise RayPoseError(f"unknown kind '{kind}'", hint=nearest(kind, REGISTRIES), rule="unknown-kind")
    registry = REGISTRIES[kind]
    chosen = [each for each in registry if name is None or each == name]
    chosen = chosen or [each for each in registry if str(name).lower() in each.lower()]
    if name is not None and not chosen:
        registry.get(name)  # raises, with the nearest name
    if verbose:
        from raypose.cli._describe import describe

        return describe(kind, chosen)
    click.secho(kind, bold=True)
    for each in chosen:
        click.echo(f"  {each}{_signature(registry.get(each))}")
    return None


def _all_names(verbose: bool) -> None:
    from raypose.registry import REGISTRIES

    if verbose:
        raise click.UsageError("--verbose needs a KIND")
    for kind, registry in REGISTRIES.items():
        click.secho(kind, bold=True)
        click.echo(click.wrap_text(", ".join(registry), initial_indent="  ", subsequent_indent="  "))


def _signature(component: Callable) -> str:
    try:
        arguments = inspect.signature(component).parameters.values()
    except (TypeError, ValueError):
        return "(...)"
    return "(" + ", ".join(_argument(each) for each in arguments if each.name != "self") + ")"


def _argument(argument: inspect.Parameter) -> str:
    annotation, default = argument.annotation, ""
    if argument.default is not argument.empty:
        default = f"={argument.default!r}" if annotation is argument.empty else f" = {argument.default!r}"
    if annotation is argument.empty:
        return str(argument.replace(default=argument.empty)) + default
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return f"{argument.name}: {text}{default}"
