"""The state of a search: its Optuna study, and what is done with a trial's folder when it ends. Knows nothing of Ray."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, Trial, TrialState

from raypose.config import Tune
from raypose.errors import RayPoseError
from raypose.plugins import relative
from raypose.reporting.epochs import PREFIX, best_values, epochs
from raypose.reporting.pareto import point
from raypose.reporting.records import params
from raypose.reporting.repeats import REPEAT_BEST
from raypose.reporting.roles import FINAL, OF, REPEAT, ROLE, TRAINED, is_trial, role
from raypose.reporting.snapshot import NUM_TRIALS
from raypose.reporting.words import counted
from raypose.space import Space, dump, from_params
from raypose.tuning.curves import Curves
from raypose.tuning.drawing.draws import Draws, Unpriced
from raypose.tuning.drawing.limits import Limits, cost_of
from raypose.tuning.ending.budget import Budget
from raypose.tuning.ending.ending import Ending
from raypose.tuning.ending.over import Over
from raypose.tuning.faults.failures import FirstFailures, all_fail
from raypose.tuning.outcomes import Outcomes, reached
from raypose.tuning.snapshots import PickledEmpty
from raypose.tuning.standing import Standing
from raypose.tuning.study import open_study
from raypose.tuning.task import Task
from raypose.tuning.trial_files import TrialFiles

GPU_SECONDS = "gpu_seconds"  # the user attribute of a study whose GPU-hours are limited
LOSSES = "losses"  # the user attribute of a trial: how often its worker was lost


class SearchState(PickledEmpty):
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
        self.goals, self.files = tune.goals, TrialFiles(folder)
        self.study, self.storage = open_study(folder, self.goals, pruner)
        self.draws = Draws(self.study, self.storage, space, tune.num_trials, limits or Limits(), seed)
        self.draws.enqueue(initial_points)
        trials = self.trials()
        self.budget = Budget(tune, trials, self.study.user_attrs.get(GPU_SECONDS, 0.0))
        self.standing, self.outcomes, self.ending = (
            Standing(tune, trials),
            Outcomes(tune.constraints),
            Ending(self.budget),
        )
        for name, value, missing in ((REPEAT_BEST, self.standing.repeat_best, 1), (NUM_TRIALS, tune.num_trials, None)):
            if self.study.user_attrs.get(name, missing) != value:
                self.study.set_user_attr(name, value)  # which reports go by, too
        self.curves = Curves(folder, self.goals, trials)
        self._live: dict[int, Trial] = {}
        self._first_failures = FirstFailures(trials)
        self._see_whether_exhausted()
        self.ending.watch()
        self._tidy_what_a_kill_left(trials)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The study's trials in those states (default: all), draws that broke a constraint included."""
        return self.draws.trials(*states)

    def trial(self, number: int) -> FrozenTrial:
        """One of the study's trials, without looking at the others."""
        return self.storage.get_trial(number)

    @property
    def over(self) -> Over | None:
        """Why no trial may start any more, if that is so."""
        return self.ending.over

    @property
    def halted(self) -> bool:
        """Whether no further epoch counts."""
        return self.ending.halted

    @property
    def is_stopping(self) -> bool:
        """Whether what is running is to stop where it is."""
        return self.ending.is_stopping(self._live)

    @property
    def remaining(self) -> int:
        """How many trials are still to be run, interrupted ones included."""
        if self.over is None:
            return self.draws.remaining
        return self.draws.begun if self.over.drain else 0

    @property
    def stopped(self) -> str:
        """Why the search ended before its last trial, in a line; empty if it did not."""
        if self.over is None:
            return ""
        trials = [trial for trial in self.trials() if role(trial) in TRAINED]
        running = sum(trial.state == TrialState.RUNNING for trial in trials)
        if not running:
            return self.over.why
        done, go = len(trials) - running, "go" if running > 1 else "goes"
        return f"{self.over.why}: {counted(done, 'trial')} finished, {running} {go} on with --resume"

    def end(self, why: str, error: RayPoseError | None = None, drain: bool = False) -> None:
        """No more trials. The first word is kept, unless the second is to stop what the first lets come to its end."""
        self.ending.put(Over(why, error, drain))

    def _see_whether_exhausted(self) -> None:
        if self.draws.exhausted and self.draws.missing:
            self.end(self.draws.exhausted, drain=True)

    def next_task(self) -> Task | None:
        """The next trial: an interrupted one under its old number, else a new one; None when all are handed out.

        Raises:
            RayPoseError: no configuration that meets the constraints was found.
        """
        self.ending.watch()
        begun = set(self.draws.interrupted)
        trial = None if self.halted else self._draw()
        if trial is None:
            self._see_whether_exhausted()
            return None
        if trial.number not in begun:
            self.files.clear(trial.number)  # of a study that is there no more
        self._live[trial.number] = trial
        self.budget.began(trial.number)
        return self.task(trial.number)

    def _draw(self) -> Trial | None:
        while True:
            try:
                return self.draws.next(new=self.over is None)
            except Unpriced as failure:  # a failed trial, as it would be in a worker
                self._live[failure.trial.number] = failure.trial
                self.finish(failure.trial.number, TrialState.FAIL, "raised", str(failure))

    def task(self, number: int) -> Task:
        """What a worker is given to run a trial that is handed out."""
        trial = self.trial(number)
        values, seed = params(trial), random.Random(f"{self.seed}/{number}").getrandbits(31)
        kept = {"plugins": relative(self.plugins, self.files.path(number))} if self.plugins else {}
        config = {**self.space.sample(from_params(values)), "seed": seed}
        text = dump({**self.space.sample(from_params(values), portable=True), "seed": seed, **kept})
        again = {} if is_trial(trial) else {key: trial.user_attrs[key] for key in (ROLE, OF)}
        return Task(number, values, config, text, seed, cost_of(trial), again)

    def report(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Tell an epoch's values, if they are news: one that a resumed trial did again is there already, and none is told
        beyond a budget. Returns whether they were."""
        trial, values = self._live[number], [metrics[goal.metric] for goal in self.goals]
        known = self.trial(number)
        if self.halted or epoch in epochs(known):
            return False
        if len(values) == 1:
            trial.report(values[0], epoch)
        else:
            trial.set_user_attr(f"{PREFIX}{epoch}", values)
        self.budget.epoch(known, values[0])
        self._keep_gpu_seconds()
        self.ending.epoch(number, is_last=bool(metrics.get("last_epoch")))
        return True

    def _keep_gpu_seconds(self) -> None:
        if self.tune.gpu_hours is not None:
            self.study.set_user_attr(GPU_SECONDS, self.budget.gpu_seconds)

    def note(self, number: int, **attrs: Any) -> None:
        """Set user attributes of a trial that is not finished, handed out or not."""
        for name, value in attrs.items():
            self.storage.set_trial_user_attr(self.trial(number)._trial_id, name, value)

    def reopen(self) -> None:
        """Take back what is handed out and not finished: it is handed out again, before anything new."""
        self.draws.take_back(self._live)
        self._live.clear()

    def lose(self, number: int, reason: str, detail: str) -> None:
        """A trial's worker was lost. It is FAIL once that happened more than `tune.max_failures` times."""
        if trial := self._live.get(number):
            losses = trial.user_attrs.get(LOSSES, 0) + 1
            trial.set_user_attr(LOSSES, losses)
            if losses > self.tune.max_failures:
                self.finish(number, TrialState.FAIL, reason, detail)

    def mark_interrupted(self) -> None:
        """Write into the folders of what is handed out and not finished that it was interrupted, and when."""
        with contextlib.suppress(OSError):  # of a full disk
            for number in self._live:
                self.files.note(number, interrupted=time.time())

    @property
    def live(self) -> list[int]:
        """The trials that are handed out and not finished."""
        return sorted(self._live)

    def is_live(self, number: int) -> bool:
        """Whether a trial is handed out and not finished."""
        return number in self._live

    def should_prune(self, number: int) -> bool:
        """What the study's pruner says after the last report; trials that repeat another one run to their end."""
        if len(self.goals) > 1 or not is_trial(self.trial(number)) or number == self.budget.gain.reached_by:
            return False
        return self._live[number].should_prune()

    def full_length(self, number: int) -> float | None:
        """The epochs of a trial that no scheduler ends: a repeat has as many as what it repeats, the final training as
        many as its configuration says, which is infinity here. None of the search's own trials."""
        trial = self.trial(number)
        if role(trial) == REPEAT:
            return max(epochs(self.trial(trial.user_attrs[OF])))
        return math.inf if role(trial) == FINAL else None

    def values(self, trial: FrozenTrial) -> tuple[float, ...] | None:
        """A trial's values: those of its best epoch, whose weights are kept."""
        return best_values(epochs(trial), self.goals)

    def best(self) -> FrozenTrial | None:
        """The best finished trial; once some were repeated, the one of them whose runs have the best mean."""
        return self.standing.best()

    def finish(self, number: int, state: TrialState, reason: str = "", detail: str = "") -> None:
        """Tell the study how a trial ended, then tidy its folder. Once; later calls for the same trial are ignored."""
        trial = self._live.pop(number, None)
        if trial is None:
            return
        values = self.values(self.trial(number))
        if state in (TrialState.COMPLETE, TrialState.PRUNED) and values is None:
            state, reason, detail = TrialState.FAIL, "raised", "the trial ended without reporting an epoch"
        if state == TrialState.COMPLETE and self.outcomes.constraints:
            self.outcomes.judge(trial, reached(self.trial(number), self.goals, self.files.path(number)))
        self.draws.tell(trial, state, values if state == TrialState.COMPLETE else None, reason, detail)
        self._ended(self.trial(number), reason, detail)

    def _ended(self, trial: FrozenTrial, reason: str, detail: str) -> None:
        """What follows for the others, the budget and the folders."""
        values, without = self.values(trial), self.standing.add(trial)
        self.budget.ended(trial)
        self._keep_gpu_seconds()
        self.curves.add(trial)
        self.ending.watch()
        self.files.end(trial.number, trial.state.name, reason, values[0] if values else None)
        self.publish_best()
        if self._first_failures.alike(reason if trial.state == TrialState.FAIL else ""):
            log = self.files.path(trial.number) / "log.txt"
            self.end(f"the first trials all failed: {reason}", all_fail(reason, detail, log))
        for number in without:
            self.files.drop_weights(number)

    def publish_best(self) -> None:
        """Make `best/` the best finished trial's model folder, `pareto/` those of the front, and `final/` that of the final
        training, if they left one."""
        if best := self.best():
            self.files.publish(best.number)
        if len(self.goals) > 1:
            self.files.publish_front([point(self.trial(number), self.goals) for number in self.standing.front.numbers])
        if self.standing.final is not None:
            self.files.publish(self.standing.final, "final")

    def _tidy_what_a_kill_left(self, trials: list[FrozenTrial]) -> None:
        kept = self.standing.kept()
        for trial in trials:
            if trial.state.is_finished():
                if not self.files.is_ended(trial.number):
                    reason, values = trial.user_attrs.get("reason", ""), self.values(trial)
                    self.files.end(trial.number, trial.state.name, reason, values[0] if values else None)
                if trial.number not in kept:
                    self.files.drop_weights(trial.number)
