"""The search's own curves in TensorBoard, in the experiment's folder: the best values so far, and how trials ended, over the
number of trials that have."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from raypose.config import Goal
from raypose.reporting.epochs import signed
from raypose.reporting.outcomes import breaks
from raypose.reporting.roles import is_trial
from raypose.training.tensorboard import encoded, event, scalars

SUFFIX = "search"  # the files' last part; each start of a search writes one of its own
STATES = {"COMPLETE": "search/finished", "PRUNED": "search/pruned", "FAIL": "search/failed"}


class Curves:
    """A point whenever one of the search's own trials ends; those of earlier starts that are not there yet are added.

    Example:
        >>> curves = Curves(Path("experiments/quickstart"), tune.goals, study.get_trials())
        >>> curves.add(study.trials[7])
    """

    def __init__(self, folder: Path, goals: Sequence[Goal], trials: Iterable[Any] = ()) -> None:
        self.folder, self.goals = folder, goals
        self.states: Counter[str] = Counter()
        self.best: list[float | None] = [None] * len(goals)
        self._file: Path | None = None
        ended = [trial for trial in trials if trial.state.name in STATES and is_trial(trial)]
        known = _last_step(folder) if ended else 0
        events = [self._event(trial) for trial in sorted(ended, key=lambda each: each.datetime_complete)]
        self._write([each for each in events if each.step > known])

    def add(self, trial: Any) -> None:
        """A trial that has ended."""
        if is_trial(trial):
            self._write([self._event(trial)])

    def _event(self, trial: Any) -> Event:
        self.states[trial.state.name] += 1
        if trial.state.name == "COMPLETE" and not breaks(trial):
            self.best = [self._better(*each) for each in zip(self.goals, self.best, trial.values, strict=True)]
        best = {f"search/best {goal.metric}": value for goal, value in zip(self.goals, self.best, strict=True)}
        values = {tag: value for tag, value in best.items() if value is not None}
        values |= {tag: float(self.states[state]) for state, tag in STATES.items()}
        return event(scalars(values), self.states.total(), trial.datetime_complete.timestamp())

    def _better(self, goal: Goal, best: float | None, value: float) -> float | None:
        if not math.isfinite(value):
            return best
        return value if best is None or signed([value], [goal]) < signed([best], [goal]) else best

    def _write(self, events: list[Event]) -> None:
        """Also where a disk is full: these are for who looks on, and the next start adds what is missing."""
        if not events:
            return
        new = self._file is None
        if self._file is None:
            self._file = self.folder / f"events.out.tfevents.{time.time_ns() // 1000}.{SUFFIX}"
        try:
            with open(self._file, "ab") as file:
                file.write(encoded(events, new))
        except OSError:
            self._file = None  # whose last event may be torn


def _last_step(folder: Path) -> int:
    """Up to which step there are points."""
    files = sorted(folder.glob(f"events.out.tfevents.*.{SUFFIX}"))
    return max((_steps(file) for file in files), default=0)


def _steps(file: Path) -> int:
    return max((Event.FromString(each).step for each in RawEventFileLoader(str(file)).Load()), default=0)
