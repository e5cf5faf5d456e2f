"""Ray Tune's questions, answered from the study: which trial next, shall this one go on, is the search over."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from optuna.trial import TrialState
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from raypose.errors import RayPoseError
from raypose.reporting.epochs import epochs
from raypose.tuning.faults.failures import disk_full
from raypose.tuning.search_state import SearchState
from raypose.tuning.snapshots import PickledEmpty
from raypose.tuning.stopping.scheduler import EarlyStopping
from raypose.tuning.stopping.schedulers import max_t


class StudySearcher(Searcher):
    """Hands out the study's trials and tells it how those ended that no scheduler stopped."""

    def __init__(self, state: SearchState, has_room: Callable[[], bool] = lambda: True) -> None:
        super().__init__(metric=state.goals[0].metric, mode=state.goals[0].mode)
        self.state, self.has_room = state, has_room
        self.numbers: dict[str, int] = {}

    def suggest(self, trial_id: str) -> Any:
        if not self.has_room():
            return None
        try:
            task = self.state.next_task()
        except RayPoseError as error:
            self.state.end(str(error), error, drain=True)
            task = None
        if task is None:
            return Searcher.FINISHED
        self.numbers[trial_id] = task.number
        return {"number": task.number, "task": task}

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Of a trial that told its end itself this is news to nobody: `finish` takes the first word."""
        if not self.state.halted and not error:  # errors: `stall.Watch`
            self.state.finish(self.numbers[trial_id], TrialState.PRUNED)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the study is the state."""


class StudyStopper(PickledEmpty, Stopper):
    """Ends Tune's loop once `is_over` says so."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        self.is_over = is_over

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.is_over()


class StudyScheduler(FIFOScheduler):
    """Reports every epoch to the study, then asks its pruner, or `inner`, whether to stop.

    Tune calls the scheduler before the searcher, and does not call the searcher for a result that stops a trial; so it is
    here that PRUNED and FAIL are told.
    """

    def __init__(self, state: SearchState, inner: EarlyStopping | None = None) -> None:
        super().__init__()
        self.state, self.inner, self._plain = state, inner, FIFOScheduler()
        self._max_t = max_t(state.tune.scheduler)
        self._hears_again = inner is not None and inner.hears_again
        self._last: dict[int, dict] = {}  # results of last epochs, which `inner` is not asked about

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict) -> str:
        number = trial.config["number"]
        if "ended" in result:
            state = TrialState[result["ended"]]
            if state == TrialState.RUNNING:
                self.state.end("no space left on the disk", disk_full(self.state.folder))
                return self.STOP
            return self._stop(number, state, result.get("reason", ""), result.get("detail", ""))
        if not self.state.is_live(number):
            return self.STOP  # it was given up
        if self.state.halted:
            return self.NOOP  # it waits within its report, so that what follows it is done again at a resume
        for goal in self.state.goals:
            if not math.isfinite(value := result[goal.metric]):
                return self._stop(
                    number, TrialState.FAIL, "nan", f"{goal.metric} was {value} in epoch {result['epoch']}"
                )
        news = self.state.report(number, result["epoch"], result)
        if result["last_epoch"]:
            self._last[number] = result
        if (length := self.state.full_length(number)) is not None:
            return self._stop(number, TrialState.COMPLETE) if result["epoch"] >= length else self.CONTINUE
        if not (news or self._hears_again) or result["last_epoch"] or number == self.state.budget.gain.reached_by:
            return self.CONTINUE
        if self.inner is None:
            return self._stop(number, TrialState.PRUNED) if self.state.should_prune(number) else self.CONTINUE
        decision = self.inner.on_trial_result(tune_controller, trial, result)
        return decision if decision != self.STOP else self._stop_early(number, result["epoch"])

    def _stop_early(self, number: int, epoch: int) -> str:
        return self._stop(number, TrialState.COMPLETE if epoch >= self._max_t else TrialState.PRUNED)

    def _stop(self, number: int, state: TrialState, reason: str = "", detail: str = "") -> str:
        self.state.finish(number, state, reason, detail)
        return self.STOP

    def _asked(self, trial: Any) -> TrialScheduler:
        """Who decides about a trial: of one that no scheduler ends, the Ray scheduler hears nothing."""
        if self.inner is None or self.state.full_length(trial.config["number"]) is not None:
            return self._plain
        return self.inner

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._asked(trial).on_trial_add(tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self._asked(trial).on_trial_error(tune_controller, trial)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict) -> None:
        last = self._last.pop(trial.config["number"], result)
        self._asked(trial).on_trial_complete(tune_controller, trial, last)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Of one that was waiting, and that the Ray scheduler ended then."""
        self._asked(trial).on_trial_remove(tune_controller, trial)
        number = trial.config["number"]
        if not self.state.halted and self.state.is_live(number):
            self._stop_early(number, max(epochs(self.state.trial(number)), default=0))

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        if self.inner is None:
            return super().choose_trial_to_run(tune_controller)
        pending = (trial for trial in tune_controller.get_trials() if trial.status == trial.PENDING)
        again = next((trial for trial in pending if self._asked(trial) is not self.inner), None)
        return again or self.inner.choose_trial_to_run(tune_controller)
