"""An experiment as figures and tables look at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raypose.config import Goal, leading
from raypose.reporting.experiment import Experiment
from raypose.reporting.importance import Importance
from raypose.reporting.records import Record
from raypose.reporting.report.dimensions import Dimension, dimensions
from raypose.reporting.report.figure import short
from raypose.reporting.report.samples import Kept, kept_samples


@dataclass(frozen=True)
class View:
    experiment: Experiment

    @property
    def goals(self) -> tuple[Goal, ...]:
        return self.experiment.goals

    @cached_property
    def goal(self) -> Goal:
        """The objective that figures of one value show: the leading one."""
        return self.goals[leading(self.goals)]

    @cached_property
    def own(self) -> list[Record]:
        return self.experiment.own

    @cached_property
    def valued(self) -> list[Record]:
        """The search's own trials that reached a value, finished or not, the best first."""
        return [each for each in self.own if self.value(each) is not None]

    @cached_property
    def best(self) -> Record | None:
        return self.experiment.best

    @cached_property
    def kept(self) -> Kept | None:
        """The best model's samples, where training kept some."""
        folders = [self.experiment.folder / "best"]
        folders += [self.experiment.trial_folder(self.best.number)] if self.best else []
        return next(filter(None, map(kept_samples, folders)), None)

    @property
    def importances(self) -> list[Importance]:
        return self.experiment.importances

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """Every dimension that a trial has, the most important first."""
        order = {each.name: i for i, each in enumerate(self.importances)}
        found = dimensions(self.experiment)
        return sorted(found, key=lambda each: order.get(each.name, len(order)))

    @cached_property
    def varied(self) -> list[Dimension]:
        """Those in which trials that reached a value differ."""
        known = {each: {record.params.get(each.name) for record in self.valued} - {None} for each in self.dimensions}
        return [each for each, taken in known.items() if len(taken) > 1]

    @cached_property
    def frozen(self) -> dict[int, Any]:
        """Optuna's trials by their number."""
        return {each.number: each for each in self.experiment.frozen_trials}

    def value(self, record: Record) -> float | None:
        return short(record.values.get(self.goal.metric))

    def row(self, record: Record) -> dict[str, Any]:
        """What every figure knows of a trial: `trial`, `what` it is, its `state` and its `value`."""
        what = self.experiment.described(record)
        return {"trial": record.number, "what": what, "state": record.state, "value": self.value(record)}

    def is_best(self, record: Record) -> bool:
        return self.best is not None and record.number == self.best.number
