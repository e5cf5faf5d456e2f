"""The trials of an experiment as plain records, read from its study."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from raypose import journal
from raypose.config import Goal
from raypose.reporting.epochs import CHANGED, best_values, epochs, goals, signed
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.outcomes import OUTCOMES, breaks
from raypose.reporting.repeats import REPEAT_BEST, repeats
from raypose.reporting.roles import FINAL, OF, TRAINED, TRIAL, role


@dataclass(frozen=True)
class Record:
    """One trial. `state` is COMPLETE, PRUNED, FAIL or RUNNING; `value` that of its best epoch, the first of `values`, which
    are by metric; `seconds` its wall time; `role` says what it is, and `of` which trial it repeats. `repeats` are the
    values that it reached with other seeds; `breaks` the constraints that it breaks, and by how much; `outcomes` the metrics
    that constraints name."""

    number: int
    state: str
    value: float | None
    epochs: int
    params: dict[str, Any]
    reason: str = ""
    detail: str = ""
    seconds: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    role: str = TRIAL
    of: int | None = None
    repeats: list[float] = field(default_factory=list)
    breaks: dict[str, float] = field(default_factory=dict)
    outcomes: dict[str, float] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """What ended it early: the reason and the last line of the detail; empty where there is no detail."""
        return f"{self.reason}: {self.detail.splitlines()[-1]}" if self.detail else ""

    @property
    def mean(self) -> float | None:
        """Of the value and its repeats."""
        return self.value if self.value is None else statistics.fmean([self.value, *self.repeats])

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the value and its repeats, if there are any."""
        return statistics.stdev([self.value, *self.repeats]) if self.repeats and self.value is not None else None


def record(trial: Any, goals: Sequence[Goal]) -> Record:
    """A record of an Optuna trial."""
    known, attrs = epochs(trial), trial.user_attrs
    best = best_values(known, goals)
    values = dict(zip((goal.metric for goal in goals), best, strict=True)) if best is not None else {}
    return Record(
        trial.number,
        trial.state.name,
        best[0] if best is not None else None,
        max(known, default=0),
        params(trial),
        attrs.get("reason", ""),
        attrs.get("detail", ""),
        trial.duration.total_seconds() if trial.duration else None,
        values,
        role(trial),
        attrs.get(OF),
        breaks=breaks(trial),
        outcomes=attrs.get(OUTCOMES, {}),
    )


def records(trials: Sequence[Any], goals: Sequence[Goal]) -> list[Record]:
    """Those of all Optuna trials that have one, with what their repeats reached, in the order of the study."""
    again = repeats(trials)
    return [replace(record(t, goals), repeats=again.get(t.number, [])) for t in trials if role(t) in TRAINED]


def is_candidate(record: Record) -> bool:
    """Whether a trial may be the best, or on the front: what was stopped early may not."""
    return record.state == "COMPLETE" and record.role == TRIAL and not record.breaks


def winner(records: Iterable[Record]) -> Record | None:
    """The best finished trial of records that are ranked; none that breaks a constraint."""
    return next(filter(is_candidate, records), None)


def final(records: Iterable[Record]) -> Record | None:
    """The last final training of records; a complete one before one that is not."""
    found = sorted((each for each in records if each.role == FINAL), key=lambda each: each.number)
    return next((each for each in reversed(found) if each.state == "COMPLETE"), found[-1] if found else None)


def params(trial: Any) -> dict[str, Any]:
    """The values of a trial's dimensions: those that it was sampled with, or what a scheduler made of them since, which
    may be a configuration of another branch."""
    return dict(trial.user_attrs.get(CHANGED) or trial.params)


def load_records(folder: Path) -> tuple[list[Record], Infeasible]:
    """The records of an experiment, ranked, and how many draws were no trials, since they broke a constraint.

    Raises:
        RayPoseError: the folder is no experiment.
    """
    study = journal.load_study(folder)
    return standings(study), Infeasible.count(study.get_trials(deepcopy=False))


def standings(study: Any) -> list[Record]:
    """The records of an Optuna study, ranked."""
    searched, best = goals(study), study.user_attrs.get(REPEAT_BEST, 1)
    return ranked(records(study.get_trials(deepcopy=False), searched), searched, best)


def ranked(records: list[Record], goals: Sequence[Goal], repeat_best: int = 1) -> list[Record]:
    """Finished trials first, the best one in the first objective leading, those that break a constraint after those that
    break none; then pruned, running and failed ones; then what is no trial of the search itself: repeats, the final
    training, in their order. Trials that were repeated lead, by the mean of their runs; among them those of the
    `repeat_best` best ones that were not repeated yet."""
    order = ["COMPLETE", "PRUNED", "RUNNING", "FAIL"]

    def own(each: Record) -> tuple:
        values = [each.value, *(each.values.get(goal.metric) for goal in goals[1:])]
        turned = [_low(value, goal) for value, goal in zip(values, goals, strict=True)]
        return sum(each.breaks.values()), turned, each.number

    def key(each: Record) -> tuple:
        if each.role != TRIAL:
            return True, each.number
        broken, turned, number = own(each)
        mean, behind = _low(each.mean, goals[0]), not each.repeats and number not in top
        return False, order.index(each.state), broken, behind, mean, turned, number

    complete = [each for each in records if each.role == TRIAL and each.state == "COMPLETE"]
    top = {each.number for each in sorted(complete, key=own)[:repeat_best]}
    return sorted(records, key=key)


def _low(value: float | None, goal: Goal) -> float:
    return math.inf if value is None else signed([value], [goal])[0]
