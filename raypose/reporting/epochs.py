"""The values of a trial's epochs, as its study has them, and which epoch stands for the trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from raypose.config import Goal, leading

PREFIX = "epoch "  # of the user attributes with an epoch's values where there are several objectives
# The user attribute of a trial that goes on from another one's weights: the values of the other's epochs so far, which
# count in place of its own until then.
INHERITED = "inherited"
CHANGED = "changed"  # the user attribute of a trial whose values a scheduler changed: what they are since


def goals(study: Any) -> tuple[Goal, ...]:
    """What a study searches, in the order of its values."""
    names = study.metric_names or [""] * len(study.directions)
    return tuple(
        Goal(name, "max" if direction.name == "MAXIMIZE" else "min")
        for name, direction in zip(names, study.directions, strict=True)
    )


def epochs(trial: Any) -> dict[int, tuple[float, ...]]:
    """The objectives' values by epoch (from 1), those that it inherited in place of its own."""
    inherited = {int(epoch): tuple(values) for epoch, values in trial.user_attrs.get(INHERITED, {}).items()}
    own, last = _own(trial), max(inherited, default=0)
    return {**inherited, **{epoch: values for epoch, values in own.items() if epoch > last}} if inherited else own


def _own(trial: Any) -> dict[int, tuple[float, ...]]:
    """Optuna keeps reports of one objective; those of several are ours."""
    if trial.intermediate_values:
        return {epoch: (value,) for epoch, value in trial.intermediate_values.items()}
    kept = {key: values for key, values in trial.user_attrs.items() if key.startswith(PREFIX)}
    return {int(key.removeprefix(PREFIX)): tuple(values) for key, values in kept.items()}


def signed(values: Sequence[float], goals: Sequence[Goal]) -> tuple[float, ...]:
    """Values of the objectives, turned so that lower ones are better."""
    return tuple(-value if goal.mode == "max" else value for value, goal in zip(values, goals, strict=True))


def best_epoch(values: Mapping[int, Sequence[float]], goals: Sequence[Goal]) -> int | None:
    """The epoch that is best in the leading objective, whose weights are kept; None where no epoch has a
    value. What is infinite is none.

    Example:
        >>> best_epoch({1: (0.2, 5.0), 2: (0.4, 7.0), 3: (0.3, 3.0)}, [Goal("AP", "max"), Goal("EPE", "min")])
        2
    """
    which = leading(goals)
    known = [epoch for epoch in sorted(values) if all(map(math.isfinite, values[epoch]))]
    better = max if goals[which].mode == "max" else min
    return better(known, key=lambda epoch: values[epoch][which], default=None)


def best_values(values: Mapping[int, tuple[float, ...]], goals: Sequence[Goal]) -> tuple[float, ...] | None:
    """Those of the best epoch, which are the trial's; None where no epoch has a value."""
    best = best_epoch(values, goals)
    return None if best is None else values[best]
