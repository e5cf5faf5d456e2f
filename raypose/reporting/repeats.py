"""Trials that were trained again with other seeds: how good one is, is the mean of its runs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from raypose.reporting.roles import OF, REPEAT, role


def repeats(trials: Iterable[Any]) -> dict[int, list[float]]:
    """What the complete repeats of each Optuna trial that has any reached, by its number."""
    found: dict[int, list[float]] = {}
    for trial in trials:
        if role(trial) == REPEAT and trial.state.name == "COMPLETE":
            found.setdefault(trial.user_attrs[OF], []).append(trial.values[0])
    return found


def best_trial(ranked: Sequence[Any], again: Mapping[int, Sequence[float]], better: Callable[..., Any]) -> Any | None:
    """The best of Optuna trials that are ranked by their own values: the first, unless some were repeated (`again`). Then
    it is that one of those whose runs have the best mean, by `better` (`max` or `min`)."""
    repeated = [trial for trial in ranked if trial.number in again]
    if repeated:
        return better(repeated, key=lambda trial: statistics.fmean([trial.values[0], *again[trial.number]]))
    return ranked[0] if ranked else None
