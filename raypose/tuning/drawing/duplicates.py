"""Which configurations a study has: the same one is not trained twice."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from raypose.reporting.epochs import CHANGED
from raypose.reporting.roles import IMPORTED, TRIAL, role
from raypose.space import Range, Space, from_params
from raypose.space.grid import values

CONFIGURATION = "configuration"  # the user attribute of a trial that is its digest
ASIDE = ("name", "seed", "tune")  # the keys of a configuration that make no other trial
AGAIN = ("worker_lost", "hang")  # why a trial failed that may go well when it is tried again


class Tried:
    """The configurations of trials by their digests; it is built once, so that asking costs no look at the study.

    Example:
        >>> tried = Tried(space, study.get_trials())
        >>> tried.earlier(tried.digest({"lr": 0.1}), storage.get_trial)
        3
    """

    def __init__(self, space: Space, trials: Iterable[FrozenTrial]) -> None:
        self.space = space
        self._numbers: dict[str, int] = {}
        for trial in trials:
            self.add(trial)

    def add(self, trial: FrozenTrial) -> None:
        """Remember a trial of the study, if it is one of which there should be no second."""
        if _counts(trial) and (trial.state.is_finished() or CONFIGURATION in trial.user_attrs):
            digest = trial.user_attrs.get(CONFIGURATION) or self.digest(trial.params)
            self._numbers[digest] = trial.number

    def put(self, digest: str, number: int) -> None:
        """Remember a trial that is handed out."""
        self._numbers[digest] = number

    def digest(self, params: Mapping[str, Any]) -> str:
        """What is the same of dimensions' values that give the same configuration, on another machine too."""
        config = self.space.sample(from_params(params), portable=True)
        kept = {key: value for key, value in config.items() if key not in ASIDE}
        return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def earlier(self, digest: str, trial: Callable[[int], FrozenTrial]) -> int | None:
        """The trial that has this configuration; None where it may be trained (again)."""
        number = self._numbers.get(digest)
        return None if number is None or not _counts(trial(number)) else number


def _counts(trial: FrozenTrial) -> bool:
    """Whether a second trial like this one would tell nothing new. What changed while it ran (by a scheduler) is
    another configuration, and of another experiment's trials only whole ones are known."""
    if CHANGED in trial.user_attrs:
        return False
    if trial.state == TrialState.FAIL:
        return role(trial) == TRIAL and trial.user_attrs.get("reason") not in AGAIN
    return role(trial) == TRIAL or (role(trial) == IMPORTED and trial.state == TrialState.COMPLETE)


def thorough(space: Space, seed: int) -> optuna.samplers.BaseSampler | None:
    """What tries the values of a finite space in turn; None where a study has no end of them."""
    logarithmic = any(
        isinstance(each, Range) and each.facts.log and not each.facts.integer for each in space.dimensions
    )
    if logarithmic or any(values(dimension) is None for dimension in space.dimensions):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.BruteForceSampler(seed)
