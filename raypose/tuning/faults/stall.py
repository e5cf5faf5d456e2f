"""Hangs: a trial that has been silent for too long is ended, with what it was doing last."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from ray.tune import Callback

from raypose.tuning.faults.processes import end_worker
from raypose.tuning.search_state import SearchState

TIMES = 10  # a trial may take as many times the slowest epoch so far for one epoch,
AT_LEAST = 60.0  # or that many seconds,
AT_FIRST = 600.0  # and these before its own first report: its model may be the largest so far
LOW_MEMORY = "low on memory"  # Ray's words where its memory monitor ended a worker
SHOWN = 300  # characters of what Ray says of a lost worker
LOOK = 1.0  # seconds between two looks; a gap beyond it is time in which nobody listened, and does not count


class Silences:
    """How long each running trial has said nothing, and how long it may.

    Args:
        timeout: seconds without a report; None: `TIMES` the slowest epoch of any trial, once there is one.
        clock: seconds, for tests.

    Example:
        >>> silences = Silences(timeout=60)
        >>> silences.start(3)
        >>> silences.overdue()
        {}
    """

    def __init__(self, timeout: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout, self._clock = timeout, clock
        self.slowest: float | None = None  # epoch of any trial, in seconds
        self._since: dict[int, float] = {}
        self._reported: set[int] = set()
        self._now, self._looked = 0.0, clock()

    def start(self, number: int) -> None:
        self._since[number] = self._now

    def report(self, number: int) -> None:
        self.slowest = max(self.slowest or 0.0, self._now - self._since.get(number, self._now))
        self._reported.add(number)
        self.start(number)

    def end(self, number: int) -> None:
        self._since.pop(number, None)
        self._reported.discard(number)

    def limit(self, number: int) -> float:
        """Seconds that a trial may be silent."""
        if self.timeout is not None:
            return self.timeout
        least = AT_LEAST if number in self._reported else AT_FIRST
        return max(TIMES * self.slowest, least) if self.slowest is not None else math.inf

    def overdue(self) -> dict[int, float]:
        """The trials that have been silent for too long, and how long, in seconds. To be called often."""
        now = self._clock()
        self._now += min(now - self._looked, LOOK)
        self._looked = now
        silent = {number: self._now - since for number, since in self._since.items()}
        return {number: seconds for number, seconds in silent.items() if seconds > self.limit(number)}


class Watch(Callback):
    """Ray Tune calls it at every step: it ends trials that hang, and counts the workers that were lost."""

    def __init__(self, state: SearchState) -> None:
        self.state, self.silences = state, Silences(state.tune.stall_timeout)
        # What is lost is told later: where Ray's memory monitor took a worker, `fit` raises, and `Losses` tells.
        self._lost: dict[int, str] = {}  # and is started again
        self._given_up: dict[int, str] = {}  # by Ray Tune

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given into its snapshot, which is never read back

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        number = trial.config["number"]
        self.silences.start(number)
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
        self._given_up[number] = died(self.state, number, _error(trial))

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        number = trial.config["number"]
        self.silences.end(number)
        self._lost[number] = died(self.state, number, _error(trial))

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        while self._given_up:
            number, told = self._given_up.popitem()
            self.state.finish(number, TrialState.FAIL, _reason(told), told)
        overdue = self.silences.overdue()
        if overdue:  # one a step: what others reported meanwhile comes first
            number, seconds = max(overdue.items(), key=lambda item: item[1])
            self.silences.end(number)
            if any(trial.config["number"] == number and trial.status == "RUNNING" for trial in trials):
                self._end(number, seconds)

    def _end(self, number: int, seconds: float) -> None:
        files = self.state.files
        stack = end_worker(files.meta(number), files.path(number) / "log.txt")
        limit = self.silences.limit(number)
        told = f"no report for {seconds:.0f} s, and {limit:.0f} s are allowed (tune.stall_timeout)"
        self.state.finish(number, TrialState.FAIL, "hang", "\n".join(filter(None, [stack, told])))


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
    return "out_of_memory" if LOW_MEMORY in told else "worker_lost"
