"""A search at one moment: what a live table and plain lines are made of, in the process that runs it or in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from raypose.config import Goal
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.pareto import front
from raypose.reporting.records import Record, ranked, records, winner
from raypose.reporting.roles import DUPLICATE, FINAL, REPEAT, TRIAL, role
from raypose.reporting.time_left import Survival, rounds_left
from raypose.reporting.words import counted, duration

NUM_TRIALS = "num_trials"  # the user attribute of a study: how many trials it was asked for when it was last started


@dataclass(frozen=True)
class Snapshot:
    """`trials` are Optuna's, `total` is how many were asked for; `latest` has the metrics of a running trial's last epoch,
    `lengths` how many epochs it is to have, by its number. `since` is when the search was started last;
    `budget` says how much of a budget is spent, `timed` that it is one of time. Of a search that
    does not run (`is_running`), what its study calls running was interrupted.

    Example:
        >>> print(Snapshot(study.get_trials(), [Goal("AP", "max")], total=40).summary)
        12/40 trials, 6 pruned, best AP 0.612 (trial 7)
    """

    trials: Sequence[Any]
    goals: Sequence[Goal]
    total: int | None = None
    latest: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    lengths: Mapping[int, int | None] = field(default_factory=dict)
    since: datetime | None = None
    now: datetime = field(default_factory=datetime.now)
    budget: str = ""
    timed: bool = False
    repeat_best: int = 1
    is_running: bool = True

    @cached_property
    def records(self) -> list[Record]:
        """What was or is trained, the best first."""
        return ranked(records(self.trials, self.goals), self.goals, self.repeat_best)

    @cached_property
    def best(self) -> Record | None:
        return winner(self.records)

    @property
    def running(self) -> list[Record]:
        """By number."""
        return sorted((each for each in self.records if each.state == "RUNNING"), key=lambda each: each.number)

    @property
    def finished(self) -> list[Record]:
        """Those that came to their end, the best first."""
        return [each for each in self.records if each.state == "COMPLETE" and each.role == TRIAL]

    @property
    def ended(self) -> list[Record]:
        """All that runs no more, by number."""
        return sorted((each for each in self.records if each.state != "RUNNING"), key=lambda each: each.number)

    @property
    def done(self) -> list[Record]:
        """The search's own trials that have ended, however that was."""
        return [each for each in self.records if each.state != "RUNNING" and each.role == TRIAL]

    @cached_property
    def summary(self) -> str:
        """How far it is and what is best, in a line."""
        return ", ".join([*self._counts(), *self._beside(), *self._best()])

    @cached_property
    def times(self) -> str:
        """What was spent of its time and budget, and what is left, as far as that is known."""
        parts = ["" if self.timed else f"{duration(self.elapsed)} elapsed", self.budget]
        parts += [] if self.seconds_left is None else [f"about {duration(self.seconds_left)} left"]
        return ", ".join(filter(None, parts))

    @property
    def elapsed(self) -> float:
        """Seconds since the first trial of this start of the search."""
        began = min(self._starts.values(), default=self.since)
        return 0.0 if began is None else max((self.now - began).total_seconds(), 0.0)

    @cached_property
    def seconds_left(self) -> float | None:
        """About, for what is running and what has not begun; None before the first epoch, and where nothing runs."""
        known = [each for each in self.records if each.number in self._starts and each.epochs]
        if not (known and self.running and self.is_running):
            return None
        # An epoch that is under way is half done, on average.
        epochs = sum(each.epochs + (0.5 if each.state == "RUNNING" else 0) for each in known)
        return self._rounds_left() * sum(map(self._seconds, known)) / epochs

    def _rounds_left(self) -> float:
        own = [each for each in self.records if each.role == TRIAL and each.epochs]
        lengths = [[each.epochs for each in own if (each.state == "RUNNING") is on] for on in (False, True)]
        longest = max((each.epochs for each in self.records), default=0)
        running = [(each.epochs, max(self.lengths.get(each.number) or longest, each.epochs)) for each in self.running]
        begun = len(self.done) + sum(each.role == TRIAL for each in self.running)
        waiting, last = max((self.total or 0) - begun, 0), max(last for _, last in running)
        return rounds_left(Survival(*lengths), running, waiting, last)

    def _seconds(self, each: Record) -> float:
        if each.seconds is not None:
            return each.seconds
        return max((self.now - self._starts[each.number]).total_seconds(), 0.0)

    @cached_property
    def _starts(self) -> dict[int, datetime]:
        """Of the trials that began in this start of the search."""
        known = {each.number: each.datetime_start for each in self.trials if each.datetime_start is not None}
        return {number: start for number, start in known.items() if self.since is None or start >= self.since}

    def _counts(self) -> list[str]:
        done, total = self.done, "" if self.total is None else f"/{self.total}"
        parts = [f"{len(done)}{total} trials"]
        for what, word in ((REPEAT, "repeats"), (FINAL, "final trainings")):
            if again := [each for each in self.records if each.role == what]:
                parts.append(f"{sum(each.state != 'RUNNING' for each in again)}/{len(again)} {word}")
        for state, word in (("PRUNED", "pruned"), ("FAIL", "failed")):
            if count := sum(each.state == state for each in done):
                parts.append(f"{count} {word}")
        return parts

    def _beside(self) -> list[str]:
        parts = []
        if infeasible := Infeasible.count(self.trials):
            parts.append(f"{infeasible.draws} not within the constraints")
        if same := sum(role(trial) == DUPLICATE for trial in self.trials):
            parts.append(f"{counted(same, 'duplicate')} not trained")
        if broke := sum(bool(each.breaks) for each in self.done):
            parts.append(f"{broke} that break{'s' if broke == 1 else ''} a constraint")
        if leading := front(self.records, self.goals):
            parts.append(f"{len(leading)} on the Pareto front")
        return parts

    def _best(self) -> list[str]:
        if self.best is None or self.best.value is None:
            return []
        return [f"best {self.goals[0].metric} {self.best.value:.4g} (trial {self.best.number})"]
