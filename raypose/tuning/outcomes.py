"""Constraints on what a trained model reaches, `AP >= 0.6`, held against trials that came to their end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, Trial

from raypose.config import Goal
from raypose.reporting.epochs import best_epoch, epochs
from raypose.reporting.outcomes import OUTCOMES
from raypose.space.constraints import Constraint
from raypose.training.trial_folder import read_metrics

MOST = 1e9  # the largest violation that is told: JSON has no infinity


def reached(trial: FrozenTrial, goals: Sequence[Goal], folder: Path) -> dict[str, Any]:
    """The metrics of a trial's best epoch: the objectives as the study has them, and what metrics.jsonl in `folder` says."""
    known = epochs(trial)
    best = best_epoch(known, goals)
    if best is None:
        return {}
    rows = {row["epoch"]: row for row in read_metrics(folder)}
    return {**dict(zip((goal.metric for goal in goals), known[best], strict=True)), **rows.get(best, {})}


class Outcomes:
    """Those of the constraints of a search that name a metric.

    Raises:
        RayPoseError: one cannot be read.

    Example:
        >>> outcomes = Outcomes(["flops <= 2e9", "AP >= 0.6"])
        >>> outcomes.judge(trial, {"AP": 0.45})
        >>> trial.constraints
        {'AP >= 0.6': 0.25}
    """

    def __init__(self, texts: Sequence[str]) -> None:
        parsed = [Constraint.parse(text, known=None) for text in texts]
        self.constraints = [each for each in parsed if not each.is_static]

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics and costs that every trial must report for their sake."""
        return tuple(dict.fromkeys(name for each in self.constraints for name in each.names))

    def judge(self, trial: Trial, metrics: Mapping[str, float | None]) -> None:
        """Tell the study by how much the metrics of a trial's best epoch break each; what is missing breaks it."""
        if not self.constraints:
            return
        values = {name: math.nan if (value := metrics.get(name)) is None else value for name in self.names}
        trial.set_user_attr(OUTCOMES, {name: value for name, value in values.items() if math.isfinite(value)})
        told = trial.constraints
        for text, each in {each.text: each for each in self.constraints}.items():
            if text not in told:  # by a process that was killed in between
                trial.set_constraint(text, min(each.violation(values), MOST))
