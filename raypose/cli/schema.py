from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click


@click.command("schema")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path),
              help="The file to write; standard output if none is given.")  # fmt: skip
@click.option("--plugin", "plugins", multiple=True, help="A file or module that registers components; may be repeated.")
def command(target: Path | None, plugins: tuple[str, ...]) -> None:
    """Write a JSON Schema of search spaces, so that an editor completes and checks them while they are typed.

    It knows every component that is registered, those of plugins and installed packages too, their arguments, and what
    their docstrings say. Editors with a YAML language server (VS Code with Red Hat's YAML extension, Neovim, Emacs,
    ...) read it where the first line of a space names it:

    \b
      raypose schema --to raypose.schema.json
      # yaml-language-server: $schema=raypose.schema.json

    What a schema cannot say, `raypose check` finds: kinds of output that don't fit, files that are missing, ...
    """
    import json

    from raypose.errors import RayPoseError
    from raypose.files import write_text
    from raypose.plugins import load_plugins
    from raypose.schema import json_schema

    if target is not None and not target.parent.is_dir():
        raise RayPoseError(f"no such folder: {target.parent}", rule="missing-file")
    load_plugins(list(plugins))
    text = json.dumps(json_schema(samplers(), schedulers()), ensure_ascii=False) + "\n"
    if target is None:
        click.echo(text, nl=False)
    else:
        write_text(target, text)


def samplers() -> dict[str, Callable]:
    """The classes that `tune.sampler` may name."""
    from raypose.tuning.sampling.samplers import sampler_class

    return _accepted(["optuna.samplers", "raypose.tuning.sampling.alternating"], sampler_class)


def schedulers() -> dict[str, Callable]:
    """The classes that `tune.scheduler` may name."""
    from raypose.tuning.stopping.schedulers import scheduler_class

    return _accepted(["optuna.pruners", "ray.tune.schedulers"], scheduler_class)


def _accepted(modules: list[str], find: Callable[[str], Callable]) -> dict[str, Callable]:
    from raypose.errors import RayPoseError

    found = {}
    for name in sorted({name for module in modules for name in importlib.import_module(module).__all__}):
        with suppress(RayPoseError):  # a function, a base class, or one that cannot be used
            found[name] = find(name)
    return {name: cls for name, cls in found.items() if not inspect.isabstract(cls)}
