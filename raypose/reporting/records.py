"""The trials of an experiment as plain records, read from its study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raypose import journal
from raypose.config import Goal
from raypose.reporting.epochs import best_epoch, epochs, goals
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.roles import FINAL, OF, REPEAT, TRIAL, role

SHOWN = (TRIAL, REPEAT, FINAL)  # the roles that have records


@dataclass(frozen=True)
class Record:
    """One trial. `state` is COMPLETE, PRUNED, FAIL or RUNNING; `value` that of its best epoch, the first of `values`, which
    are by metric; `seconds` its wall time; `role` says what it is, and `of` which trial it repeats."""

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


def record(trial: Any, goals: Sequence[Goal]) -> Record:
    """A record of an Optuna trial."""
    known, attrs = epochs(trial), trial.user_attrs
    best = best_epoch(known, goals)
    values = dict(zip((goal.metric for goal in goals), known[best], strict=True)) if best is not None else {}
    return Record(
        trial.number,
        trial.state.name,
        known[best][0] if best is not None else None,
        max(known, default=0),
        params(trial),
        attrs.get("reason", ""),
        attrs.get("detail", ""),
        trial.duration.total_seconds() if trial.duration else None,
        values,
        role(trial),
        attrs.get(OF),
    )


def params(trial: Any) -> dict[str, Any]:
    """The values of a trial's dimensions: those that it was sampled with, as far as none was changed while it ran."""
    return {**trial.params, **trial.user_attrs.get("changed", {})}


def load_records(folder: Path) -> tuple[list[Record], Infeasible]:
    """The records of an experiment, ranked, and how many draws were no trials, since they broke a constraint.

    Raises:
        RayPoseError: the folder is no experiment.
    """
    study = journal.load_study(folder)
    trials, searched = study.get_trials(deepcopy=False), goals(study)
    records = [record(trial, searched) for trial in trials if role(trial) in SHOWN]
    return ranked(records, searched[0].mode == "max"), Infeasible.count(trials)


def ranked(records: list[Record], maximize: bool) -> list[Record]:
    """Finished trials first, the best one leading; then pruned, running and failed ones."""
    order = ["COMPLETE", "PRUNED", "RUNNING", "FAIL"]

    def key(each: Record) -> tuple:
        value = math.inf if each.value is None else -each.value if maximize else each.value
        return order.index(each.state), value, each.number

    return sorted(records, key=key)
