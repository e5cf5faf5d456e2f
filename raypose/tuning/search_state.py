"""The state of a search: its Optuna study, and what is done with a trial's folder when it ends. Knows nothing of Ray."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from raypose import journal
from raypose.config import Tune
from raypose.errors import RayPoseError
from raypose.plugins import relative
from raypose.reporting.epochs import PREFIX, best_epoch, epochs
from raypose.reporting.records import params
from raypose.reporting.roles import is_trial
from raypose.space import Space, dump, from_params
from raypose.tuning.draws import Draws
from raypose.tuning.limits import Limits, cost_of
from raypose.tuning.task import Task
from raypose.tuning.trial_files import TrialFiles


@dataclass(frozen=True)
class Over:
    """Why a search ends before its last trial; with an `error` if that is a failure. `drain`: what is running comes to
    its end; else it stays RUNNING in the study, for a resume."""

    why: str
    error: RayPoseError | None = None
    drain: bool = False


class SearchState:
    """Asks the study for trials and tells it how they went. The study is the one truth: what is not told is not done.

    `over` is set once no trial may start any more.

    Example:
        >>> state = SearchState(space, Path("experiments/quickstart"), tune, seed=0)
        >>> task = state.next_task()
        >>> state.report(task.number, 1, {"AP": 0.3})
        >>> state.finish(task.number, TrialState.COMPLETE)
    """

    def __init__(
        self,
        space: Space,
        folder: Path,
        tune: Tune,
        *,
        seed: int,
        pruner: Any = None,
        plugins: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        initial_points: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.space, self.folder, self.tune, self.seed, self.plugins = space, folder, tune, seed, plugins or {}
        self.goals, self.files, self.over = tune.goals, TrialFiles(folder), None
        self.better = max if self.goals[0].mode == "max" else min
        self.study = optuna.create_study(
            study_name=journal.STUDY_NAME,
            storage=journal.storage(folder, repair=True),
            pruner=pruner or optuna.pruners.NopPruner(),
            directions=["maximize" if goal.mode == "max" else "minimize" for goal in self.goals],
            load_if_exists=True,
        )
        if self.study.metric_names is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self.study.set_metric_names([goal.metric for goal in self.goals])
        self.draws = Draws(self.study, space, tune.num_trials, limits or Limits(), seed)
        self.draws.enqueue(initial_points)
        self._live: dict[int, Trial] = {}
        self._tidy_what_a_kill_left()

    over: Over | None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given into its snapshot, which is never read back

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The study's trials in those states (default: all), draws that broke a constraint included."""
        return self.draws.trials(*states)

    @property
    def remaining(self) -> int:
        """How many trials are still to be run, interrupted ones included."""
        return self.draws.remaining

    def end(self, why: str, error: RayPoseError | None = None, drain: bool = False) -> None:
        """No more trials. The first word is kept, unless the second is to stop what the first lets come to its end."""
        if self.over is None or (self.over.drain and not drain):
            self.over = Over(why, error, drain)

    def next_task(self) -> Task | None:
        """The next trial: an interrupted one under its old number, else a new one; None when all are handed out.

        Raises:
            RayPoseError: no configuration that meets the constraints was found.
        """
        trial = self.draws.next() if self.over is None else None
        if trial is None:
            return None
        self._live[trial.number] = trial
        return self.task(trial.number)

    def task(self, number: int) -> Task:
        """What a worker is given to run a trial that is handed out."""
        trial = self.trials()[number]
        values, seed = params(trial), random.Random(f"{self.seed}/{number}").getrandbits(31)
        kept = {"plugins": relative(self.plugins, self.files.path(number))} if self.plugins else {}
        config = {**self.space.sample(from_params(values)), "seed": seed}
        text = dump({**self.space.sample(from_params(values), portable=True), "seed": seed, **kept})
        return Task(number, values, config, text, seed, cost_of(trial))

    def report(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Tell an epoch's values; one that a resumed trial did again is there already."""
        trial, values = self._live[number], [metrics[goal.metric] for goal in self.goals]
        if epoch in epochs(self.trials()[number]):
            return
        if len(values) == 1:
            trial.report(values[0], epoch)
        else:
            trial.set_user_attr(f"{PREFIX}{epoch}", values)

    def is_live(self, number: int) -> bool:
        """Whether a trial is handed out and not finished."""
        return number in self._live

    def should_prune(self, number: int) -> bool:
        """What the study's pruner says after the last report; trials that repeat another one run to their end."""
        if len(self.goals) > 1 or not is_trial(self.trials()[number]):
            return False
        return self._live[number].should_prune()

    def values(self, trial: FrozenTrial) -> tuple[float, ...] | None:
        """A trial's values: those of its best epoch, whose weights are kept."""
        known = epochs(trial)
        best = best_epoch(known, self.goals)
        return None if best is None else known[best]

    def best(self) -> FrozenTrial | None:
        """The best finished trial."""
        ranked = self._ranked()
        return self.trials()[ranked[0]] if ranked else None

    def finish(self, number: int, state: TrialState, reason: str = "", detail: str = "") -> None:
        """Tell the study how a trial ended, then tidy its folder. Once; later calls for the same trial are ignored."""
        trial = self._live.pop(number, None)
        if trial is None:
            return
        values = self.values(self.trials()[number])
        if state == TrialState.COMPLETE and values is None:
            state, reason, detail = TrialState.FAIL, "raised", "the trial ended without reporting an epoch"
        if state == TrialState.PRUNED and values is None:
            state = TrialState.FAIL
        self.draws.tell(trial, state, values if state == TrialState.COMPLETE else None, reason, detail)
        self.files.end(number, state.name, reason, values[0] if values else None)
        self.publish_best()
        # Only the trial that just ended and the one that it pushed out can be beyond the best few.
        ranked = self._ranked()
        for each in {number, *ranked[self.tune.keep : self.tune.keep + 1]} - set(ranked[: self.tune.keep]):
            self.files.drop_weights(each)

    def publish_best(self) -> None:
        """Make `best/` the best finished trial's model folder, if that trial left one."""
        if best := self.best():
            self.files.publish(best.number)

    def _ranked(self) -> list[int]:
        done = [trial for trial in self.trials(TrialState.COMPLETE) if is_trial(trial)]
        done.sort(key=_value, reverse=self.goals[0].mode == "max")
        return [trial.number for trial in done]

    def _tidy_what_a_kill_left(self) -> None:
        kept = set(self._ranked()[: self.tune.keep])
        for trial in self.trials():
            if trial.state.is_finished():
                if not self.files.is_ended(trial.number):
                    reason, values = trial.user_attrs.get("reason", ""), self.values(trial)
                    self.files.end(trial.number, trial.state.name, reason, values[0] if values else None)
                if trial.number not in kept:
                    self.files.drop_weights(trial.number)


def _value(trial: FrozenTrial) -> float:
    return trial.values[0] if trial.values else math.nan
