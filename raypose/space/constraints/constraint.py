"""Constraints on what a configuration costs, `flops <= 2e9`, and on what its model reaches, `AP >= 0.6`."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from raypose.space.constraints.arithmetic import ArithmeticReader, Expression

# What is known of a configuration before it is trained, and its unit.
NAMES = {
    "params": "parameters",
    "flops": "multiply-adds of one image",
    "memory": "bytes of a training step at its batch size",
}
COMPARISONS = ("<=", "<", ">=", ">")
HAIR = 1e-9  # how far beyond its bound is what equals one that it must stay off
# What people write in place of a comparison, and after one.
NO_COMPARISON = dict.fromkeys(("=", "==", "!="), "costs are seldom met exactly: write <= or >=")
NO_END = {
    **dict.fromkeys(("and", "or", "&", "&&", "|", ","), "write each constraint as a string of its own"),
    **dict.fromkeys(COMPARISONS, "write two constraints, each with one comparison"),
}


@dataclass(frozen=True)
class Constraint:
    """A comparison of two arithmetic expressions of `params`, `flops`, `memory` and metrics.

    Example:
        >>> Constraint.parse("flops <= 2e9").violation({"params": 11e6, "flops": 3e9, "memory": 1e9})
        0.5
    """

    text: str
    left: Expression
    comparison: str
    right: Expression

    @classmethod
    def parse(cls, text: str, known: Collection[str] | None = tuple(NAMES)) -> Constraint:
        """Read a constraint such as `flops / params < 500`; `known`: what it may speak of, None: anything.

        Raises:
            RayPoseError: it is none; the message says where in the text.
        """
        reader = ArithmeticReader(text, known, "constraint", "bad-constraint")
        left = reader.expression()
        if reader.token not in COMPARISONS:
            reader.missing(f"one of {' '.join(COMPARISONS)}", NO_COMPARISON)
        constraint = cls(text.strip(), left, reader.take(), reader.expression())
        if reader.token:
            reader.missing("an end or one of + - * /", NO_END)
        if not constraint.names:
            what = "cost" if known is not None and {*known} <= {*NAMES} else "cost or metric"
            reader.refuse(f"it names no {what}", f"known: {', '.join(known if known is not None else NAMES)}")
        if any(not math.isfinite(bound) for bound in constraint._sides({}, constant=True)):
            reader.refuse("its bound is no finite number")
        return constraint

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it, each once: costs, in the order of NAMES, then metrics."""
        named = self.left.names + self.right.names
        return tuple(dict.fromkeys([*(name for name in NAMES if name in named), *named]))

    @property
    def is_static(self) -> bool:
        """Whether it is about costs alone, which are known before a configuration is trained."""
        return {*self.names} <= {*NAMES}

    def violation(self, values: Mapping[str, float]) -> float:
        """How far costs are beyond the bound, in parts of it, which lets constraints compare; at most 0 where it holds.

        Infinite where a side has no finite value (a division by zero), so that the constraint is broken.
        """
        left, right = sides = self._sides(values)
        if not all(map(math.isfinite, sides)):
            return math.inf
        if left == right:
            return 0.0 if "=" in self.comparison else HAIR
        excess = left - right if "<" in self.comparison else right - left
        return excess / (max(map(abs, self._sides({}, constant=True)), default=0) or max(map(abs, sides)))

    def _sides(self, values: Mapping[str, float], constant: bool = False) -> list[float]:
        """The values of both sides, or of those without names."""
        return [_value(side, values) for side in (self.left, self.right) if not (constant and side.names)]


def _value(side: Expression, values: Mapping[str, float]) -> float:
    try:
        return side.value(values)
    except ZeroDivisionError:
        return math.inf
