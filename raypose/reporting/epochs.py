"""The values of a trial's epochs, as its study has them, and which epoch stands for the trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from raypose.config import Goal

PREFIX = "epoch "  # of the user attributes with an epoch's values where there are several objectives


def goals(study: Any) -> tuple[Goal, ...]:
    """What a study searches, in the order of its values."""
    names = study.metric_names or [""] * len(study.directions)
    return tuple(
        Goal(name, "max" if direction.name == "MAXIMIZE" else "min")
        for name, direction in zip(names, study.directions, strict=True)
    )


def epochs(trial: Any) -> dict[int, tuple[float, ...]]:
    """The objectives' values by epoch (from 1). Optuna keeps reports of one objective; those of several are ours."""
    if trial.intermediate_values:
        return {epoch: (value,) for epoch, value in trial.intermediate_values.items()}
    kept = {key: values for key, values in trial.user_attrs.items() if key.startswith(PREFIX)}
    return {int(key.removeprefix(PREFIX)): tuple(values) for key, values in kept.items()}


def best_epoch(values: Mapping[int, Sequence[float]], goals: Sequence[Goal]) -> int | None:
    """The epoch that is best in the first objective, whose weights are kept; None where no epoch has a value.

    Example:
        >>> best_epoch({1: (0.2, 5.0), 2: (0.4, 7.0), 3: (0.3, 3.0)}, [Goal("AP", "max"), Goal("EPE", "min")])
        2
    """
    sign = 1 if goals[0].mode == "max" else -1
    known = [epoch for epoch in sorted(values) if not any(map(math.isnan, values[epoch]))]
    return max(known, key=lambda epoch: sign * values[epoch][0], default=None)
