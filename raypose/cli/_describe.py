"""What `raypose list --verbose` prints of a component."""

from __future__ import annotations

import inspect
import json
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from raypose.check.docs import summary, told
from raypose.check.slots import EXTRA, GIVEN
from raypose.check.values import checkable
from raypose.cli._size import SIZES, size
from raypose.plugins.loading import PREFIX
from raypose.registry import REGISTRIES, parameters, takes_anything


def describe(kind: str, names: list[str]) -> None:
    """Print each component as soon as it is known: where it is from, what it does, its size, its arguments."""
    console = Console(highlight=False)
    if kind in SIZES:
        where = "192x256, on a ResNet-50" if kind == "heads" else "192x256"
        console.print(f"With default arguments; GFLOPs are multiply-adds for an image of {where}.\n", style="dim")
    for name in names:
        component = REGISTRIES[kind].get(name)
        console.print(Text.assemble((name, "bold"), "  ", (f"from {_source(component)}", "dim")), soft_wrap=True)
        about = [summary(component), *([size(kind, name)] if kind in SIZES else [])]
        for paragraph in filter(None, about):
            console.print(Padding(Text(paragraph), (0, 0, 0, 2), expand=False))
        console.print(Padding(_arguments(component, REGISTRIES[kind].name), (0, 0, 1, 2), expand=False))


def _source(component: Callable) -> str:
    """RayPose, the file of a plugin, or the package and its version."""
    module = getattr(component, "__module__", None) or "?"
    top = module.partition(".")[0]
    if top == "raypose":
        return top
    if not top.startswith(PREFIX):
        for name in [top] if _is_distribution(top) else _owners().get(top, []):
            return f"{name} {metadata.version(name)}"
    file = getattr(sys.modules.get(module), "__file__", None)
    return os.path.relpath(file) if file and Path(file).is_relative_to(Path.cwd()) else file or module


def _is_distribution(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


@cache
def _owners() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _arguments(component: Callable, kind: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    said, given = told(component), GIVEN.get(kind, set())
    known = parameters(component)
    for name, parameter in known.items():
        if name not in given:
            default = "required" if parameter.default is parameter.empty else f"default {_shown(parameter.default)}"
            lines = [", ".join(filter(None, [_values(parameter.annotation), default])), said.get(name)]
            table.add_row(Text(name, "cyan"), Text("\n".join(filter(None, lines))))
    for name, annotation in EXTRA.get(kind, {}).items():
        if name not in known:
            table.add_row(Text(name, "cyan"), Text(_values(annotation)))
    if takes_anything(component):
        table.add_row(Text("...", "cyan"), Text("any other argument"))
    if filled := [name for name in known if name in given]:
        table.add_row(Text("filled in", "dim"), Text(", ".join(filled), "dim"))
    return table


def _values(annotation: Any) -> str:
    """The values that an annotation allows, as YAML has them; nothing where it allows any, or none of YAML's."""
    if isinstance(annotation, str):
        return annotation
    annotation = checkable(annotation)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return " | ".join(_shown(each) for each in args)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(filter(None, map(_values, args)))
    if origin is Annotated:
        return _values(args[0])
    if annotation is Any:
        return ""
    if args:
        return f"{origin.__name__}[{', '.join('...' if each is Ellipsis else _values(each) or 'any' for each in args)}]"
    return "null" if annotation is type(None) else inspect.formatannotation(annotation).replace("typing.", "")


def _shown(value: Any) -> str:
    """A value as YAML has it."""
    if isinstance(value, str):
        return value or "''"
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return getattr(value, "__name__", repr(value))
