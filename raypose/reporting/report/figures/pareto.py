"""Several objectives: what can be had of one for how much of another."""

from __future__ import annotations

from collections.abc import Sequence

from raypose.config import Goal
from raypose.reporting.pareto import ARROWS
from raypose.reporting.records import Record
from raypose.reporting.report.figure import Figure, axis, short, some, spec, state_colour, tip, told, values
from raypose.reporting.report.theme import BEST
from raypose.reporting.report.view import View

LIMIT = 500  # trials that are shown


def pareto(view: View) -> list[Figure]:
    """The leading objective against each of the others."""
    names = [goal.metric for goal in view.goals]
    having = [each for each in view.own if all(each.values.get(name) is not None for name in names)]
    if len(view.goals) < 2 or not having:
        return []
    front = view.experiment.front
    others = [goal for goal in view.goals if goal != view.goal]
    return [_figure(view, having, front, other) for other in others]


def _figure(view: View, having: Sequence[Record], front: Sequence[Record], other: Goal) -> Figure:
    def row(each: Record) -> dict:
        return {**view.row(each), "x": short(each.values[other.metric]), "y": short(each.values[view.goal.metric])}

    leading = {each.number for each in front}
    rest = [each for each in having if each.number not in leading]
    shown = some(rest, LIMIT)
    rows, best = [row(each) for each in shown], sorted(map(row, front), key=lambda each: each["x"])
    xs, ys = ([each[key] for each in [*rows, *best]] for key in "xy")
    x = {"field": "x", **axis(f"{other.metric} {ARROWS[other.mode]}", xs)}
    y = {"field": "y", **axis(f"{view.goal.metric} {ARROWS[view.goal.mode]}", ys)}
    tooltip = tip(("y", view.goal.metric), ("x", other.metric))
    at = {"x": x, "y": y, "tooltip": tooltip}
    colour = state_colour(each["state"] for each in rows)
    layers = [
        {
            "data": values(rows),
            "mark": {"type": "circle", "size": 40, "opacity": 0.55},
            "encoding": {**at, "color": colour},
        },
        {"data": values(best), "mark": {"type": "line", "color": BEST, "opacity": 0.5}, "encoding": {"x": x, "y": y}},
        {"data": values(best), "mark": {"type": "circle", "size": 90, "color": BEST, "opacity": 1}, "encoding": at},
    ]
    if len(view.goals) > 2:  # a line through the front of more than two would cross itself
        del layers[1]
    caption = (
        f"Each dot is a trial. The {len(front)} bold ones are the Pareto front: none is better in one objective "
        f"without being worse in another. Arrows say which way is better.{told(shown, rest, 'others')}"
    )
    name = f"pareto-{view.goal.metric}-{other.metric}"
    return Figure(name, f"{view.goal.metric} against {other.metric}", caption, spec(layers, 300))
