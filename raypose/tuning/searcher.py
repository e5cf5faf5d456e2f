"""Ray Tune's questions, answered from the study: which trial next, shall this one go on, is the search over."""

from __future__ import annotations

import math
from typing import Any

from optuna.trial import TrialState
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from raypose.errors import RayPoseError
from raypose.tuning.search_state import SearchState


class StudySearcher(Searcher):
    """Hands out the study's trials and tells it how those ended that no scheduler stopped."""

    def __init__(self, state: SearchState) -> None:
        super().__init__(metric=state.goals[0].metric, mode=state.goals[0].mode)
        self.state = state
        self.numbers: dict[str, int] = {}

    def suggest(self, trial_id: str) -> Any:
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
        if self.state.over and not self.state.over.drain:
            return
        if error:
            self.state.finish(self.numbers[trial_id], TrialState.FAIL, "worker_lost", "its worker died")
        else:
            self.state.finish(self.numbers[trial_id], TrialState.PRUNED)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the study is the state."""


class StudyStopper(Stopper):
    """Ends Tune's loop once the search is over."""

    def __init__(self, state: SearchState) -> None:
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.state.over is not None and not self.state.over.drain


class StudyScheduler(FIFOScheduler):
    """Reports every epoch to the study, then asks its pruner, or the Ray scheduler `inner`, whether to stop.

    Tune calls the scheduler before the searcher, and does not call the searcher for a result that stops a trial; so it is
    here that PRUNED and FAIL are told.
    """

    def __init__(self, state: SearchState, inner: TrialScheduler | None = None) -> None:
        super().__init__()
        self.state, self.inner = state, inner

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict) -> str:
        number = trial.config["number"]
        if "ended" in result:
            state = TrialState[result["ended"]]
            return self._stop(number, state, result.get("reason", ""), result.get("detail", ""))
        for goal in self.state.goals:
            if math.isnan(result[goal.metric]):
                return self._stop(number, TrialState.FAIL, "nan", f"{goal.metric} was nan in epoch {result['epoch']}")
        self.state.report(number, result["epoch"], result)
        if result["last_epoch"]:
            return self.CONTINUE
        if self.inner is None:
            return self._stop(number, TrialState.PRUNED) if self.state.should_prune(number) else self.CONTINUE
        decision = self.inner.on_trial_result(tune_controller, trial, result)
        if decision != self.STOP:
            return decision
        full_length = result["epoch"] >= getattr(self.inner, "_max_t", math.inf)
        return self._stop(number, TrialState.COMPLETE if full_length else TrialState.PRUNED)

    def _stop(self, number: int, state: TrialState, reason: str = "", detail: str = "") -> str:
        self.state.finish(number, state, reason, detail)
        return self.STOP

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        if self.inner is not None:
            self.inner.on_trial_add(tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        if self.inner is not None:
            self.inner.on_trial_error(tune_controller, trial)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict) -> None:
        if self.inner is not None:
            self.inner.on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        if self.inner is not None:
            self.inner.on_trial_remove(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        if self.inner is not None:
            return self.inner.choose_trial_to_run(tune_controller)
        return super().choose_trial_to_run(tune_controller)
