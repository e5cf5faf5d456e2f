"""A sampler that takes turns: where one of Optuna's is weak, another is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

__all__ = ["AlternatingSampler"]


class AlternatingSampler(BaseSampler):
    """Each of some samplers in turn, by the trial's number, so that a resume goes on where it was; each learns from what the
    others have drawn.

    samplers: who take turns.
    until: from this trial on the last of them draws alone, for one that takes long when there are many trials.

    Example:
        >>> AlternatingSampler([GPSampler(seed=0), TPESampler(seed=0)], until=200)
    """

    def __init__(self, samplers: Sequence[BaseSampler], until: int | None = None) -> None:
        if not samplers:
            raise ValueError("`samplers` must have one at least, but got []")
        self.samplers, self.until = list(samplers), until

    def _whose(self, trial: FrozenTrial) -> BaseSampler:
        alone = self.until is not None and trial.number >= self.until
        return self.samplers[-1 if alone else trial.number % len(self.samplers)]

    def reseed_rng(self) -> None:
        for each in self.samplers:
            each.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._whose(trial).before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._whose(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._whose(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._whose(trial).sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._whose(trial).after_trial(study, trial, state, values)
