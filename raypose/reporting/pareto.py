"""The Pareto front of a search with several objectives: the trials than which none is better in one objective and at
least as good in the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from raypose.config import Goal
from raypose.reporting.epochs import signed
from raypose.reporting.leaderboard import describe
from raypose.reporting.records import Record, is_candidate, params

ARROWS = {"max": "↑", "min": "↓"}
BEST = "*"  # marks the best value of a column


class Front:
    """The points that no other one dominates; points that are equal stay both.

    Example:
        >>> front = Front([Goal("AP", "max"), Goal("flops", "min")])
        >>> [front.add(0, (0.5, 2e9)), front.add(1, (0.4, 1e9)), front.add(2, (0.3, 3e9)), front.add(3, (0.6, 2e9))]
        [True, True, False, True]
        >>> front.numbers
        [3, 1]
    """

    def __init__(self, goals: Sequence[Goal]) -> None:
        self.goals = goals
        self._points: dict[int, tuple[float, ...]] = {}  # lower is better

    @property
    def numbers(self) -> list[int]:
        """Of the trials on the front, the best in the first objective first."""
        return sorted(self._points, key=lambda number: (self._points[number], number))

    def add(self, number: int, values: Sequence[float]) -> bool:
        """Take in a trial, and whom it dominates out; whether it is on the front now."""
        point = signed(values, self.goals)
        if any(_dominates(other, point) for other in self._points.values()):
            return False
        self._points = {n: other for n, other in self._points.items() if not _dominates(point, other)}
        self._points[number] = point
        return True


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def point(trial: Any, goals: Sequence[Goal]) -> dict[str, Any]:
    """What `pareto.json` says of an Optuna trial."""
    values = dict(zip((goal.metric for goal in goals), trial.values, strict=True))
    return {"trial": trial.number, "values": values, "params": params(trial)}


def front(records: Sequence[Record], goals: Sequence[Goal]) -> list[Record]:
    """The records on the front, the best in the first objective first: finished trials that break no constraint. With one
    objective there is none.

    Example:
        >>> records, _ = load_records(Path("experiments/quickstart"))
        >>> [record.number for record in front(records, [Goal("AP", "max"), Goal("latency", "min")])]
        [7, 2, 11]
    """
    if len(goals) < 2:
        return []
    points, found = {each.number: each for each in records if is_candidate(each)}, Front(goals)
    for number, each in points.items():
        found.add(number, [each.values[goal.metric] for goal in goals])
    return [points[number] for number in found.numbers]


def front_table(front: Sequence[Record], goals: Sequence[Goal]) -> Table:
    """Trial, value of each objective, and what the trial was."""
    table = Table(
        title=f"Pareto front ({BEST} best of its column)",
        title_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    table.add_column("trial", justify="right", no_wrap=True)
    for goal in goals:
        table.add_column(f"{escape(goal.metric)} {ARROWS[goal.mode]}", justify="right", no_wrap=True)
    table.add_column("configuration", overflow="fold")
    columns = {goal.metric: [each.values[goal.metric] for each in front] for goal in goals}
    best = {goal.metric: (max if goal.mode == "max" else min)(columns[goal.metric], default=None) for goal in goals}
    for each in front:
        cells = [_cell(each.values[goal.metric], best[goal.metric]) for goal in goals]
        table.add_row(str(each.number), *cells, escape(describe(each.params)))
    return table


def _cell(value: float, best: float | None) -> str:
    return f"{value:.4g}{BEST if value == best else ' '}"
