"""One of Ray's schedulers, asked about the trials of a study, and told again what it knew before a resume."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule, TrialScheduler

from raypose.reporting.epochs import epochs
from raypose.reporting.roles import is_trial
from raypose.tuning.search_state import SearchState
from raypose.tuning.stopping.scheduler import EarlyStopping

# Those that know nothing but epochs' values by trial; others get Ray Tune's own trials, since they pause and stop them.
REBUILT = (AsyncHyperBandScheduler, MedianStoppingRule)


@dataclass(frozen=True)
class StandIn:
    """All that such a scheduler knows of a trial: a name, the same in every run of the search."""

    trial_id: str


class RayScheduler(EarlyStopping):
    """`scheduler`, told each epoch of a trial once, however often the search was resumed.

    It must be a fresh one: what a scheduler in `REBUILT` knew, it is told again from the study.

    Example:
        >>> asked = RayScheduler(ASHAScheduler(time_attr="epoch", metric="AP", mode="max"), state)
    """

    def __init__(self, scheduler: TrialScheduler, state: SearchState) -> None:
        super().__init__()
        self.scheduler, self._is_rebuilt = scheduler, isinstance(scheduler, REBUILT)
        if self._is_rebuilt:
            self._replay(state)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict) -> str:
        return self.scheduler.on_trial_result(tune_controller, self._seen(trial), result)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._add(tune_controller, self._seen(trial), trial.config["number"])

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self.scheduler.on_trial_error(tune_controller, self._seen(trial))

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict) -> None:
        """`result` was told before, unless it is that of the last epoch."""
        if self._is_rebuilt and not result.get("last_epoch"):
            self.scheduler.on_trial_remove(tune_controller, self._seen(trial))
        else:
            self.scheduler.on_trial_complete(tune_controller, self._seen(trial), result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        self.scheduler.on_trial_remove(tune_controller, self._seen(trial))

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        return self.scheduler.choose_trial_to_run(tune_controller)

    def _seen(self, trial: Any) -> Any:
        return StandIn(str(trial.config["number"])) if self._is_rebuilt else trial

    def _add(self, tune_controller: Any, trial: Any, number: int) -> None:
        with _numpy_seed(number):  # ASHA draws a trial's bracket: the same one, whenever it is drawn
            self.scheduler.on_trial_add(tune_controller, trial)

    def _replay(self, state: SearchState) -> None:
        """Tell every epoch as that of a trial that completes with it: it is recorded, and nothing is decided."""
        metric = state.goals[0].metric
        for trial in filter(is_trial, state.trials()):
            stand_in = StandIn(str(trial.number))
            for epoch, values in sorted(epochs(trial).items()):
                self._add(None, stand_in, trial.number)
                result = {"epoch": epoch, metric: values[0]}
                self.scheduler.on_trial_complete(None, stand_in, result)  # type: ignore[arg-type]


@contextlib.contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """NumPy's global generator, which Ray uses, seeded for a moment."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
