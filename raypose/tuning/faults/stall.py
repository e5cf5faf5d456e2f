"""Hangs: a trial that has been silent for too long is ended, with what it was doing last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray
from optuna.trial import TrialState
from ray.tune import Callback

from raypose.tuning.faults.memory import LOW, is_innocent
from raypose.tuning.faults.processes import end_worker
from raypose.tuning.faults.silences import Silences
from raypose.tuning.search_state import SearchState
from raypose.tuning.snapshots import PickledEmpty

SHOWN = 300  # characters of what Ray says of a lost worker


class Watch(PickledEmpty, Callback):
    """Ray Tune calls it at every step: it ends trials that hang, counts the workers that were lost, and ends all of them
    once the search is to stop."""

    def __init__(self, state: SearchState) -> None:
        self.state, self.silences = state, Silences(state.tune.stall_timeout)
        self.has_ended_all = False
        self._before: dict[int, Any] = {}  # when a trial was opened last, before it was handed out
        # What is lost is told later: where Ray's memory monitor took a worker, `fit` raises, and `Losses` tells.
        self._lost: dict[int, str] = {}  # and is started again
        self._given_up: dict[int, str] = {}  # by Ray Tune

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if self.state.is_stopping:  # Tune would wait for the ends of their epochs, up to 10 s
            for trial in trials:
                if trial.status == "RUNNING":
                    _kill(trial)
            self.has_ended_all = True

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        number = trial.config["number"]
        self.silences.start(number)
        self._before[number] = self._opened(number)
        if told := self._lost.pop(number, ""):
            self.state.lose(number, _reason(told), told)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "ended" not in result:
            self.silences.report(trial.config["number"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.silences.end(trial.config["number"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        number = trial.config["number"]
        self.silences.end(number)
        if not is_innocent(error := _error(trial)):  # else it is for `Losses` to start it again
            self._given_up[number] = died(self.state, number, error)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        number = trial.config["number"]
        self.silences.end(number)
        if not is_innocent(error := _error(trial)):
            self._lost[number] = died(self.state, number, error)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        while self._given_up and not self.state.halted:
            number, told = self._given_up.popitem()
            self.state.finish(number, TrialState.FAIL, _reason(told), told)
        for number in [each for each in self.silences.starting if self._opened(each) != self._before[each]]:
            self.silences.open(number)
        overdue = self.silences.overdue()
        if overdue:  # one a step: what others reported meanwhile comes first
            number, seconds = max(overdue.items(), key=lambda item: item[1])
            running = [each for each in trials if each.config["number"] == number and each.status == "RUNNING"]
            if running and number in self.silences.starting:
                _kill(running[0])  # to Tune it is a lost one
            elif running:
                self._end(number, seconds)
            self.silences.end(number)

    def _opened(self, number: int) -> Any:
        return self.state.files.meta(number).get("started")

    def _end(self, number: int, seconds: float) -> None:
        files = self.state.files
        stack = end_worker(files.meta(number), files.path(number) / "log.txt")
        limit = self.silences.limit(number)
        told = f"no report for {seconds:.0f} s, and {limit:.0f} s are allowed (tune.stall_timeout)"
        self.state.finish(number, TrialState.FAIL, "hang", "\n".join(filter(None, [stack, told])))


def _kill(trial: Any) -> None:
    if trial.temporary_state.ray_actor is not None:
        ray.kill(trial.temporary_state.ray_actor)


def died(state: SearchState, number: int, error: str = "") -> str:
    """What is said of a trial whose worker is gone; `error` is Ray's text."""
    meta, lines = state.files.meta(number), error.strip().splitlines()
    who = f"its worker (process {meta['pid']} on {meta['host']}) died" if "pid" in meta else "no worker could run it"
    return f"{who}: {' '.join(lines)[:SHOWN]}" if lines else who


def _error(trial: Any) -> str:
    """What Ray said of a trial's last failure: Tune adds each to a file."""
    if not trial.error_file or not Path(trial.error_file).exists():
        return ""
    last = Path(trial.error_file).read_text(errors="replace").rpartition("Failure # ")[2]
    return last.partition("\n")[2]


def _reason(told: str) -> str:
    return "out_of_memory" if LOW in told else "worker_lost"
