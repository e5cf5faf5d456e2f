"""Backbones that a library has, as data: a row becomes a registered class with a signature and a docstring."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Annotated, Any, Literal

from pydantic import Field

from raypose.models.backbones.stages import pick
from raypose.registry import BACKBONES

Rate = Annotated[float, Field(ge=0, lt=1)]
Factor = Annotated[float, Field(gt=0)]
WIDTH = 112  # of a line of a docstring, without its indentation


@dataclass(frozen=True)
class Net:
    """One network of a library.

    `options` are arguments of the library's function, and `weights` the name of the library's ImageNet weights, if it
    has any. `ends` name the modules at whose ends the feature maps are, and `channels` are theirs, where the library
    doesn't say itself.
    """

    name: str
    weights: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    ends: tuple[str, ...] = ()
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Option:
    """An argument that is handed on to the library, unless it is None."""

    annotation: Any
    default: Any
    about: str


def drop_path(default: float = 0.0) -> dict[str, Option]:
    """An argument that most networks of timm have."""
    return {"drop_path_rate": Option(Rate, default, "probability to skip the last block; earlier ones have less.")}


INPUT_SIZE = Option(tuple[int, int], (192, 256), "width and height of the images; others work too.")
MAPS = "which feature maps to give, 0 (stride 4) to 3 (stride 32); negative ones count from the last."


@dataclass(frozen=True)
class Row:
    """A backbone: what it is, what is published of it, and its networks by the value of `argument`."""

    name: str
    about: str
    published: str
    nets: Mapping[Any, Net]  # the only one, of a row without `argument`, by None
    argument: str = ""
    explained: str = ""
    default: Any = None
    out_indices: tuple[int, ...] = (3,)
    maps: str = MAPS
    options: Mapping[str, Option] = field(default_factory=dict)
    norm: bool = False  # whether the library has a last normalisation for the maps
    adapt: Callable[[Any], None] | None = None  # changes a network where the library's would not do for poses
    fine_groups: Mapping[str, Any] | None = None  # for timm's `group_parameters`, where it knows of stages only
    size_divisor: int = 1  # of which the images' width and height are multiples

    @property
    def arguments(self) -> dict[str, Option]:
        """Of the class, in order."""
        chosen = Option(Literal[tuple(self.nets)], self.default, self.explained)
        first = {self.argument: chosen} if self.argument else {}
        return {**first, "out_indices": Option(Sequence[int], self.out_indices, self.maps), **self.options}

    @property
    def signature(self) -> Signature:
        """Of `__init__`."""
        kind = Parameter.POSITIONAL_OR_KEYWORD
        named = [Parameter(n, kind, default=o.default, annotation=o.annotation) for n, o in self.arguments.items()]
        return Signature([Parameter("self", kind), *named])

    @property
    def docstring(self) -> str:
        """As if the class was written by hand."""
        arguments = [_wrapped(f"{name}: {each.about}", "    ") for name, each in self.arguments.items()]
        text = "\n\n".join([_wrapped(self.about), _wrapped(self.published), "Args:\n" + "\n".join(arguments)])
        return textwrap.indent(text, "    ").strip() + "\n    "


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=2 * indent)


def backbone(base: Any, row: Row, module: str) -> Any:
    """Make the class of a row, registered; `base.__init__` gets the row, the net that was chosen and the other arguments.

    Example:
        >>> ConvNeXt = backbone(TimmBackbone, Row("ConvNeXt", ...), __name__)
    """
    signature = row.signature

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name != "self" and value is not None}
        chosen = given.pop(row.argument, None)
        base.__init__(self, row, pick(row.nets, chosen, row.argument), **given)
        if row.argument:
            setattr(self, row.argument, chosen)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{row.name}.__init__"
    facts = {"__doc__": row.docstring, "__module__": module, "row": row, "size_divisor": row.size_divisor}
    made = type(row.name, (base,), {"__init__": __init__, **facts})
    return BACKBONES.register_module(module=made)
