"""Draws trials from a study: interrupted ones first, then initial points, then new ones; none that breaks a constraint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from raypose.reporting.roles import INFEASIBLE, OF, ROLE, is_trial
from raypose.space import Choice, Dimension, Range, Space, from_trial
from raypose.space.walker import cast
from raypose.tuning.limits import Limits

MOST_IN_A_ROW = 200  # draws that break a constraint, before the search ends
# After that many of them every second draw is random: GPSampler learns from complete trials alone and repeats itself.
STUBBORN = 5
EXHAUSTIVE = (optuna.samplers.GridSampler, optuna.samplers.BruteForceSampler)  # but for those that never do
INITIAL_POINT = "initial_point"  # the user attribute of a trial that is one: its index
EXHAUSTED = "exhausted"  # that of a study whose sampler is through


class Draws:
    """The trials of a study, handed out one by one, `num_trials` in all. What breaks a constraint is told PRUNED with its
    violation, for the sampler to learn from, and does not count.

    Raises:
        RayPoseError: (`next`) too many draws in a row broke a constraint.

    Example:
        >>> trial = draws.next()
        >>> draws.tell(trial, TrialState.COMPLETE, [0.5])
    """

    def __init__(self, study: optuna.Study, space: Space, num_trials: int, limits: Limits, seed: int = 0) -> None:
        self.study, self.space, self.num_trials, self.limits = study, space, num_trials, limits
        self._random = optuna.samplers.RandomSampler(seed + len(self.trials()))
        self._interrupted = [trial.number for trial in self.trials(TrialState.RUNNING)]
        self._broken: list[int] = []  # draws in a row

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The study's trials in those states (default: all), draws that broke a constraint included."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    @property
    def remaining(self) -> int:
        """How many trials are still to be run, interrupted ones included."""
        return self._new + len(self._interrupted)

    @property
    def _new(self) -> int:
        handed_out = sum(map(is_trial, self.trials()))
        return 0 if self.study.user_attrs.get(EXHAUSTED) else max(self.num_trials - handed_out, 0)

    def enqueue(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Try these first, in their order: values by dimension name, what they lack is sampled. Those that the study
        has from an earlier start are left."""
        known = sum(INITIAL_POINT in trial.user_attrs for trial in self.trials())
        dimensions = {each.name: each for each in self.space.dimensions}
        for index, point in list(enumerate(points))[known:]:
            stored = {name: _stored(dimensions[name], value) for name, value in point.items()}
            self.study.enqueue_trial(stored, {INITIAL_POINT: index})

    def add(self, params: Mapping[str, Any], what: str, of: int, **attrs: Any) -> int:
        """Have known values trained (again), in the role `what`, before any new ones; returns the trial's number."""
        known = self.trials()[of]
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=dict(params),
            distributions={name: known.distributions[name] for name in params},
            user_attrs={ROLE: what, OF: of, **attrs},
        )
        self.study.add_trial(template)
        self._interrupted.append(number := len(self.trials()) - 1)
        return number

    def next(self) -> Trial | None:
        """The next trial, sampled; None when all are handed out."""
        while (trial := self._ask()) is not None:
            config = self._sample(trial)
            if self._admits(trial, config):
                self._broken.clear()
                return trial
            if len(self._broken) == MOST_IN_A_ROW:
                self._give_up()
        if self._broken and not any(map(is_trial, self.trials())):
            self._give_up()
        return None

    def tell(
        self,
        trial: Trial,
        state: TrialState,
        values: Sequence[float] | None = None,
        reason: str = "",
        detail: str = "",
    ) -> None:
        """Tell the study how a trial ended, and why if it failed."""
        if reason:
            trial.set_user_attr("reason", reason)
            trial.set_user_attr("detail", detail)
        try:
            self.study.tell(trial, values, state=state)
        except RuntimeError:
            # Grid and brute-force samplers call study.stop() once they are through, after the trial is told.
            if not self.trials()[trial.number].state.is_finished():
                raise
            self.study.set_user_attr(EXHAUSTED, True)

    def _ask(self) -> Trial | None:
        if self._interrupted:
            return Trial(self.study, self.trials()[self._interrupted.pop(0)]._trial_id)
        return self.study.ask() if self._new else None

    def _sample(self, trial: Trial) -> dict[str, Any]:
        sampler, stubborn = self.study.sampler, len(self._broken) >= STUBBORN and len(self._broken) % 2
        if stubborn and not isinstance(sampler, EXHAUSTIVE):
            self.study.sampler = self._random
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return self.space.sample(from_trial(trial))
        finally:
            self.study.sampler = sampler

    def _admits(self, trial: Trial, config: dict[str, Any]) -> bool:
        try:
            violations = self.limits.judge(trial, config)
        except Exception as error:  # what cannot be built cannot be priced: a failed trial, as it would be in a worker
            self.tell(trial, TrialState.FAIL, reason="raised", detail=f"{type(error).__name__}: {error}")
            return False
        if all(violation <= 0 for violation in violations.values()):
            return True
        self._broken.append(trial.number)
        trial.set_user_attr(ROLE, INFEASIBLE)
        self.tell(trial, TrialState.PRUNED)
        return False

    def _give_up(self) -> NoReturn:
        trials = self.trials()
        raise self.limits.unmet([trials[number] for number in self._broken])


def _stored(dimension: Dimension, value: Any) -> Any:
    """A value as the study has it: a choice's label, a number on the grid of its range."""
    if isinstance(dimension, Choice):
        return dimension.take(value).label
    return cast(dimension, value) if isinstance(dimension, Range) else value
