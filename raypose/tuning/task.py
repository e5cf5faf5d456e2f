"""What a worker is given to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raypose.reporting.leaderboard import describe

SHORT = 72  # letters


@dataclass(frozen=True)
class Task:
    """A trial to run: its number, the values of its dimensions, the configuration they give, that one as YAML text that
    runs on another machine too; what it costs, if constraints made somebody ask; and of which trial it is a repeat, or
    the final training: `{"role": "repeat", "of": 3}`."""

    number: int
    params: dict[str, Any]
    config: dict[str, Any]
    text: str
    seed: int
    cost: Mapping[str, float] = field(default_factory=dict)
    again: Mapping[str, Any] = field(default_factory=dict)

    @property
    def meta(self) -> dict[str, Any]:
        """What meta.json says of it."""
        cost = {"cost": dict(self.cost)} if self.cost else {}
        return {"number": self.number, "seed": self.seed, "params": self.params, **self.again, **cost}


def title(number: int, params: Mapping[str, Any]) -> str:
    """A trial's number and, in a few words, what it is.

    Example:
        >>> title(7, {"model.backbone": "ResNet", "optimizer.AdamW.lr": 0.00123})
        'trial 7: ResNet, lr 0.0012'
    """
    text = f"trial {number}: {describe(params)}"
    return text if len(text) <= SHORT else f"{text[:SHORT].rpartition(',')[0] or text[:SHORT]}, ..."
