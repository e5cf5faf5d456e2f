"""What stands under `paramwise_cfg`, against what its optimizer constructor says that it takes."""

from __future__ import annotations

from collections.abc import Iterator

from raypose.check.report import Report, alternatives, is_null, mappings
from raypose.check.sections import section
from raypose.check.slots import DEFAULT_TYPE, EXTRA
from raypose.errors import RayPoseError
from raypose.registry import OPTIMIZER_BUILDERS
from raypose.space.tree import Mapping, Node, Scalar


def paramwise(report: Report, node: Node | None) -> None:
    """Report unknown keys and wrong values of each `paramwise_cfg` in an optimizer, a cocktail's parts included.

    A constructor says what it takes by a dataclass, its own class attribute `paramwise` (one that inherits may have
    other rules, so that its parent's does not count); one that says nothing is not checked.
    """
    for optimizer in mappings(node):
        for cfg in mappings(optimizer.entries.get("paramwise_cfg")):
            for name in _constructors(optimizer):
                described = _described(name)
                if described is not None:
                    section(report, cfg, described, f"'paramwise_cfg' of {name}")
        if "type" not in optimizer.entries:
            for part, child in optimizer.entries.items():
                if part not in EXTRA["optimizer"]:
                    paramwise(report, child)


def _constructors(optimizer: Mapping) -> Iterator[str]:
    named = optimizer.entries.get("constructor")
    for each in alternatives(named) if named is not None else ():
        if isinstance(each, Scalar) and isinstance(each.value, str):
            yield each.value
    if named is None or any(map(is_null, alternatives(named))):
        yield DEFAULT_TYPE[OPTIMIZER_BUILDERS.name]


def _described(name: str) -> type | None:
    try:
        return getattr(OPTIMIZER_BUILDERS.get(name), "__dict__", {}).get("paramwise")
    except RayPoseError:  # an unknown one is reported elsewhere
        return None
