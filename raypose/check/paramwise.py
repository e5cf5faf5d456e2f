"""What stands under `paramwise_cfg`, against what its optimizer constructor says that it takes."""

from __future__ import annotations

from raypose.check.constructors import constructors, optimizers
from raypose.check.report import Report, alternatives, is_null, mappings
from raypose.check.sections import section
from raypose.check.slots import NEEDS_ONE
from raypose.errors import RayPoseError
from raypose.registry import OPTIMIZER_BUILDERS
from raypose.space.tree import Mapping, Node


def paramwise(report: Report, node: Node | None) -> None:
    """Report unknown keys and wrong values of each `paramwise_cfg`, a cocktail's parts included, and missing ones.

    A constructor says what it takes by a dataclass, its own class attribute `paramwise` (one that inherits may have
    other rules, so that its parent's does not count); one that says nothing is not checked.
    """
    for optimizer in optimizers(node):
        for where, name in constructors(optimizer):
            described = _described(name)
            for cfg in mappings(optimizer.entries.get("paramwise_cfg")):
                if described is not None:
                    section(report, cfg, described, f"'paramwise_cfg' of {name}")
            _one_of(report, optimizer, where, name)


def _described(name: str) -> type | None:
    try:
        return getattr(OPTIMIZER_BUILDERS.get(name), "__dict__", {}).get("paramwise")
    except RayPoseError:  # an unknown one is reported elsewhere
        return None


def _one_of(report: Report, optimizer: Mapping, where: Node, name: str) -> None:
    """Of some keys of `paramwise_cfg` exactly one must be there."""
    keys = NEEDS_ONE.get(name, ())
    cfgs = optimizer.entries.get("paramwise_cfg", Mapping(where.mark, {}, {}))
    for cfg in alternatives(cfgs) if keys else ():
        given = [key for key in keys if isinstance(cfg, Mapping) and key in cfg.entries]
        if isinstance(cfg, Mapping) and len(given) > 1:
            hint = f"give {' or '.join(keys)}"
            report.add(cfg.key_marks[given[1]], f"{' and '.join(given)} say the same", "wrong-value", hint)
        elif not given and (isinstance(cfg, Mapping) or is_null(cfg)) and not report.touches(cfg):
            message = f"{name} needs a '{keys[0]}' in 'paramwise_cfg'"
            report.add(cfg.mark, message, "missing-argument", f"for example {keys[0]}: 0.75")
