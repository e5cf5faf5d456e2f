"""The trials of an experiment as plain records, read from its study."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypose import journal
from raypose.reporting.infeasible import Infeasible, is_trial


@dataclass(frozen=True)
class Record:
    """One trial. `state` is COMPLETE, PRUNED, FAIL or RUNNING; `value` the best of its epochs; `seconds` its wall time."""

    number: int
    state: str
    value: float | None
    epochs: int
    params: dict[str, Any]
    reason: str = ""
    detail: str = ""
    seconds: float | None = None


def record(trial: Any, maximize: bool) -> Record:
    """A record of an Optuna trial."""
    values = [value for value in trial.intermediate_values.values() if not math.isnan(value)]
    seconds = trial.duration.total_seconds() if trial.duration else None
    attrs = trial.user_attrs
    return Record(
        trial.number,
        trial.state.name,
        (max if maximize else min)(values) if values else None,
        max(trial.intermediate_values, default=0),
        dict(trial.params),
        attrs.get("reason", ""),
        attrs.get("detail", ""),
        seconds,
    )


def load_records(folder: Path) -> tuple[list[Record], Infeasible]:
    """The records of an experiment, ranked, and how many draws were no trials, since they broke a constraint.

    Raises:
        RayPoseError: the folder is no experiment.
    """
    study = journal.load_study(folder)
    maximize = study.direction.name == "MAXIMIZE"
    trials = study.get_trials(deepcopy=False)
    records = [record(trial, maximize) for trial in trials if is_trial(trial)]
    return ranked(records, maximize), Infeasible.count(trials)


def ranked(records: list[Record], maximize: bool) -> list[Record]:
    """Finished trials first, the best one leading; then pruned, running and failed ones."""
    order = ["COMPLETE", "PRUNED", "RUNNING", "FAIL"]

    def key(each: Record) -> tuple:
        value = math.inf if each.value is None else -each.value if maximize else each.value
        return order.index(each.state), value, each.number

    return sorted(records, key=key)
