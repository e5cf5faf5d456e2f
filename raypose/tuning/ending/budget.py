"""Budgets beside the number of trials: time, GPU-hours, epochs, and through `gain` patience and a target value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from optuna.trial import FrozenTrial, TrialState

from raypose.config import Tune
from raypose.errors import RayPoseError
from raypose.reporting.epochs import best_values, epochs
from raypose.reporting.outcomes import breaks
from raypose.reporting.roles import IMPORTED, role
from raypose.reporting.words import duration, spoken
from raypose.tuning.ending.gain import Gain
from raypose.tuning.ending.over import Over


class Budget:
    """What a search may spend, and what it has spent: sums, so that asking costs next to nothing.

    Time is that of one start of the search, in seconds of a monotonic clock, from its first trial on: what Ray takes to
    start is not counted. GPU-hours and epochs are those of all starts. `gpus` of one trial are known once the cluster is.

    Args:
        tune: the limits; None is none.
        trials: what the study has from earlier starts.
        gpu_seconds: what those have used.

    Example:
        >>> budget = Budget(Tune(target=0.8), study.get_trials())
        >>> budget.epoch(study.trials[3], 0.85)
        >>> budget.over().why
        'the target AP 0.8 is reached by trial 3'
    """

    def __init__(
        self,
        tune: Tune,
        trials: Iterable[FrozenTrial] = (),
        gpu_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tune, self.gain = tune, Gain(tune)
        self.epochs, self.gpus = 0, 0.0
        self._clock = clock
        self._started: float | None = None
        self._gpu_seconds, self._since = gpu_seconds, dict[int, float]()
        own = [trial for trial in trials if role(trial) != IMPORTED]
        for trial in sorted(own, key=_when):
            self._known(trial)

    @property
    def seconds(self) -> float:
        """Since this start of the search handed out its first trial."""
        return 0.0 if self._started is None else self._clock() - self._started

    @property
    def gpu_seconds(self) -> float:
        """Seconds of trials times the GPUs that each has, of all starts."""
        now = self._clock()
        return self._gpu_seconds + self.gpus * sum(now - since for since in self._since.values())

    def began(self, number: int) -> None:
        """A trial is handed out."""
        now = self._clock()
        self._started = now if self._started is None else self._started
        self._since.setdefault(number, now)

    def waits(self, number: int) -> None:
        """A trial uses nothing until it `began` again."""
        since = self._since.pop(number, None)
        self._gpu_seconds += self.gpus * (self._clock() - since) if since is not None else 0.0

    def epoch(self, trial: FrozenTrial, value: float) -> None:
        """A trial reported an epoch that is new."""
        self.epochs += 1
        self.gain.epoch(trial, value)

    def ended(self, trial: FrozenTrial) -> None:
        """A trial came to its end, as the study has it."""
        self.waits(trial.number)
        self.gain.ended(trial, good=not breaks(trial))

    def need_gpus(self) -> None:
        """Hold `gpu_hours` to what a trial has.

        Raises:
            RayPoseError: that is no GPU.
        """
        if self.tune.gpu_hours is not None and not self.gpus:
            raise RayPoseError(
                "a budget of GPU-hours needs trials with GPUs, but a trial has none",
                hint="give tune.time_budget instead of tune.gpu_hours, or set tune.resources.gpu",
                rule="no-gpus",
            )

    def left(self) -> str:
        """How far the first limit of time or epochs is: `12:04 of 2:00:00`; empty where there is none."""
        tune = self.tune
        if tune.time_budget is not None:
            return f"{duration(self.seconds)} of {duration(tune.time_budget)}"
        if tune.gpu_hours is not None:
            return f"{self.gpu_seconds / 3600:.3g} of {tune.gpu_hours:g} GPU-hours"
        return f"{self.epochs} of {tune.total_epochs} epochs" if tune.total_epochs is not None else ""

    def over(self) -> Over | None:
        """Why the search is over, if it is. Hard limits first: they leave what is running to a resume."""
        tune = self.tune
        if tune.time_budget is not None and self.seconds >= tune.time_budget:
            return Over(f"the time budget of {spoken(tune.time_budget)} is spent", change="")
        if tune.gpu_hours is not None and self.gpu_seconds >= tune.gpu_hours * 3600:
            change = f"--set tune.gpu_hours={2 * tune.gpu_hours:g}"
            return Over(f"the budget of {tune.gpu_hours:g} GPU-hours is spent", change=change)
        if tune.total_epochs is not None and self.epochs >= tune.total_epochs:
            change = f"--set tune.total_epochs={2 * tune.total_epochs}"
            return Over(f"the budget of {tune.total_epochs} epochs is spent", change=change)
        return self.gain.over()

    def _known(self, trial: FrozenTrial) -> None:
        """What an earlier start told of a trial; what was stopped early has lost the weights that reached a target."""
        known = epochs(trial)
        best = best_values(known, self.tune.goals)
        self.epochs += len(known)
        if best is not None and trial.state in (TrialState.COMPLETE, TrialState.RUNNING):
            self.gain.epoch(trial, best[0])
        if trial.state.is_finished():
            self.ended(trial)


def _when(trial: FrozenTrial) -> float:
    ended = trial.datetime_complete
    return ended.timestamp() if ended else float("inf")
