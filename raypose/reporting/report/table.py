"""The leaderboard as rows of a page, and failures by reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raypose.reporting.failures import failures
from raypose.reporting.leaderboard import describe, of_runs
from raypose.reporting.records import Record
from raypose.reporting.report.view import View
from raypose.reporting.words import duration, number

LINES = 12  # of an error that are shown
NAMED = 12  # trials


@dataclass(frozen=True)
class Cell:
    """`key` is what a column of numbers is sorted by; None: last."""

    text: str
    key: float | None = None
    number: bool = True


@dataclass(frozen=True)
class Row:
    record: Record
    cells: list[Cell]
    best: bool


def columns(view: View) -> list[tuple[str, bool]]:
    """(heading, whether it is of numbers)."""
    runs = [("mean of runs", True)] if any(each.repeats for each in view.own) else []
    metrics = [(goal.metric, True) for goal in view.goals]
    start = [("rank", True), ("trial", True), ("state", False)]
    return [*start, *metrics, *runs, ("epochs", True), ("time", True), ("configuration", False)]


def rows(view: View) -> list[Row]:
    """All trials of the search, the best first."""
    runs = any(each.repeats for each in view.own)
    return [Row(each, _cells(view, rank, each, runs), view.is_best(each)) for rank, each in enumerate(view.own, 1)]


def _cells(view: View, rank: int, each: Record, runs: bool) -> list[Cell]:
    metrics = [each.values.get(goal.metric) for goal in view.goals]
    values = [Cell(number(value), value) for value in metrics]
    mean = [Cell(of_runs(each), each.mean if each.repeats else None)] if runs else []
    broken = f"breaks {', '.join(each.breaks)}: " if each.breaks else ""
    what = broken + (f"{each.why}; {describe(each.params)}" if each.why else describe(each.params))
    return [
        Cell(str(rank), rank),
        Cell(str(each.number), each.number),
        Cell(each.state, number=False),
        *values,
        *mean,
        Cell(str(each.epochs), each.epochs),
        Cell(duration(each.seconds), each.seconds),
        Cell(what, number=False),
    ]


def failed(view: View) -> list[dict[str, Any]]:
    """Of each reason, the most frequent first: `reason`, the `last` line, `count`, `trials`, and the end of one `detail`."""
    details = {each.number: each.detail for each in view.experiment.records}
    return [
        {
            "reason": each.reason or "unknown",
            "last": each.detail,
            "count": each.count,
            "trials": ", ".join(map(str, each.trials[:NAMED])) + (", …" if each.count > NAMED else ""),
            "detail": "\n".join(details[each.trials[0]].strip().splitlines()[-LINES:]),
        }
        for each in failures(view.experiment)
    ]
