"""Trials that were trained again with other seeds: how good one is, is the mean of its runs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from raypose.reporting.roles import OF, REPEAT, role

# The user attribute of a study whose best trials are repeated: how many of them. Those that have no repeat yet stand by
# their own value against the means of the others, so that a search that ends in between has no winner by accident.
REPEAT_BEST = "repeat_best"


def repeats(trials: Iterable[Any]) -> dict[int, list[float]]:
    """What the complete repeats of each Optuna trial that has any reached, by its number."""
    found: dict[int, list[float]] = {}
    for trial in trials:
        if role(trial) == REPEAT and trial.state.name == "COMPLETE":
            found.setdefault(trial.user_attrs[OF], []).append(trial.values[0])
    return found


def best_trial(
    candidates: Iterable[Any], again: Mapping[int, Sequence[float]], better: Callable[..., Any]
) -> Any | None:
    """The Optuna trial whose runs, its own and its repeats (`again`, by its number), have the best mean, by `better` (`max`
    or `min`); the first of equals."""
    return better(
        candidates,
        key=lambda trial: statistics.fmean([trial.values[0], *again.get(trial.number, ())]),
        default=None,
    )
