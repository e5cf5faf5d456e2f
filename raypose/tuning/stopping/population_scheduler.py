"""Population-based training on Ray Tune: trials that have come to a comparison wait, without resources, for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.experiment import Trial

from raypose.errors import RayPoseError
from raypose.reporting.roles import is_trial
from raypose.tuning.search_state import SearchState
from raypose.tuning.snapshots import PickledEmpty
from raypose.tuning.stopping.generations import Generations, shortage
from raypose.tuning.stopping.population import PopulationBasedTraining
from raypose.tuning.stopping.scheduler import EarlyStopping


class PopulationScheduler(PickledEmpty, EarlyStopping):
    """Pauses trials where the population is compared, and has them go on afterwards, those with the fewest epochs first and
    at most `at_a_time` together. A trial that inherits starts again as a new `Task`, from the checkpoint in its folder.
    `warn` is told of a population that stays too small.

    Example:
        >>> scheduler = PopulationScheduler(state, PopulationBasedTraining(mutate=["lr"]), at_a_time=2)
    """

    hears_again = True  # an epoch that was done before may be one where the trial waits
    takes_turns = True

    def __init__(
        self,
        state: SearchState,
        settings: PopulationBasedTraining,
        at_a_time: int,
        warn: Callable[[str], None] = lambda told: None,
    ) -> None:
        super().__init__()
        self.state, self.at_a_time, self._warn, self._warned = state, at_a_time, warn, False
        self.generations = Generations(state, settings)
        self._trials: dict[int, Trial] = {}
        self._advance()

    def has_room(self) -> bool:
        """Whether to ask for a further trial. While any is left that Tune knows, not in vain: that would end the search for
        Tune, which from then on starts a new process whenever a trial goes on."""
        awaited = self.state.remaining > 0 or all(trial.is_finished() for trial in self._trials.values())
        return awaited and len(self._running()) < self.at_a_time

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._trials[trial.config["number"]] = trial

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict) -> str:
        number = trial.config["number"]
        if not self.generations.waits(number):
            return self.CONTINUE
        if number not in self._advance(reporting=number) and not self.generations.waits(number):
            return self.CONTINUE
        self.state.budget.waits(number)
        tune_controller.pause_trial(trial, should_checkpoint=False)
        return self.NOOP

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        self._see_whether_short()
        self._advance()
        pending = [trial for trial in tune_controller.get_trials() if trial.status == trial.PENDING]
        if pending or len(self._running()) >= self.at_a_time:
            return next(iter(pending), None)
        paused = self._paused()
        free = [number for number in paused if not self.generations.waits(number)]
        if not free:
            return None
        number = min(free, key=lambda each: (self.generations.epoch(each), each))
        self.state.budget.began(number)
        return paused[number]

    def _see_whether_short(self) -> None:
        try:
            told = "" if self._warned else shortage(self.state)
        except RayPoseError as error:
            told = str(error)
            self.state.end(told, error)
        if told and any(is_trial(self.state.trial(number)) for number in self.state.live):
            self._warned = True
            if not self.state.halted:
                self._warn(told)

    def _advance(self, reporting: int | None = None) -> list[int]:
        """Compare the population if it is time for that; returns who inherits, and is told so."""
        if reporting is None and self._trials and not self._paused():
            return []  # nobody waits
        clones = self.generations.advance(self._running() - {reporting})
        for number in clones:
            if number in self._trials:
                self._trials[number].set_config({"number": number, "task": self.state.task(number)})
        return clones

    def _paused(self) -> dict[int, Trial]:
        return {number: trial for number, trial in self._trials.items() if trial.status == Trial.PAUSED}

    def _running(self) -> set[int]:
        return {*self.state.live} - self._paused().keys()
