from __future__ import annotations

import inspect
from collections.abc import Callable

import click


@click.command("list")
@click.argument("kind", required=False)
@click.option("--plugin", "plugins", multiple=True, help="A file or module that registers components; may be repeated.")
def command(kind: str | None, plugins: tuple[str, ...]) -> None:
    """List the components of KIND (backbones, heads, losses, ...) with their arguments; of every kind if none is given."""
    from raypose.errors import RayPoseError, nearest
    from raypose.plugins import load_plugins
    from raypose.registry import REGISTRIES

    load_plugins(list(plugins))
    if kind is not None and kind not in REGISTRIES:
        raise RayPoseError(f"unknown kind '{kind}'", hint=nearest(kind, REGISTRIES) or "", rule="unknown-kind")
    for name in [kind] if kind else REGISTRIES:
        click.secho(name, bold=True)
        registry = REGISTRIES[name]
        for each in registry:
            click.echo(f"  {each}{_signature(registry.get(each))}")


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
