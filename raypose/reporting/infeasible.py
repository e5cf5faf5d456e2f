"""Draws that broke a constraint: they are in the study, for the sampler to learn from, but are no trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raypose.reporting.outcomes import breaks
from raypose.reporting.roles import INFEASIBLE, role
from raypose.reporting.words import counted


@dataclass(frozen=True)
class Infeasible:
    """How many draws broke a constraint, and how many of them broke which; a draw may break several.

    Example:
        >>> print(Infeasible(12, {"flops <= 2e9": 9, "params <= 1e7": 3}))
        12 draws broke a constraint: flops <= 2e9 (9), params <= 1e7 (3)
    """

    draws: int = 0
    constraints: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def count(cls, trials: Iterable[Any]) -> Infeasible:
        """Those among Optuna trials."""
        found = [breaks(trial) for trial in trials if role(trial) == INFEASIBLE]
        return cls(len(found), dict(Counter(text for texts in found for text in texts).most_common()))

    def __bool__(self) -> bool:
        return self.draws > 0

    def __str__(self) -> str:
        each = ", ".join(f"{text} ({count})" for text, count in self.constraints.items())
        return f"{counted(self.draws, 'draw')} broke a constraint: {each}"
