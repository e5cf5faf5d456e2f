"""The metric by epoch of all trials, and where early stopping ended them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raypose.config import leading
from raypose.reporting.epochs import epochs
from raypose.reporting.report.figure import Figure, Spec, axis, short, some, spec, state_colour, tip, told, values
from raypose.reporting.report.theme import BEST
from raypose.reporting.report.view import View

LIMIT = 150  # trials that are shown
POINTS = 80  # of a curve


def curves(view: View) -> list[Figure]:
    having = [each for each in view.own if epochs(view.frozen[each.number])]
    if not having or max(each.epochs for each in having) < 2:
        return []
    shown, which = some(having, LIMIT), leading(view.goals)
    rows = []
    for each in shown:
        curve = epochs(view.frozen[each.number])
        at = _thinned(sorted(curve))
        rows.append({**view.row(each), "epoch": at, "value": [short(curve[epoch][which]) for epoch in at]})
    metric = view.goal.metric
    y = {"field": "value", **axis(metric, (value for row in rows for value in row["value"]))}
    tooltip = tip(("epoch", "epoch"), ("value", metric))
    best = [row for row, each in zip(rows, shown, strict=True) if view.is_best(each)]
    rest = [row for row, each in zip(rows, shown, strict=True) if not view.is_best(each)]
    colour = state_colour(each.state for each in shown)
    faint = {"condition": {"test": "datum.state == 'PRUNED'", "value": 0.45}, "value": 0.7}
    ends = [{**row, "epoch": row["epoch"][-1:], "value": row["value"][-1:]} for row in rest]
    layers = [
        _layer(rest, {"type": "line", "strokeWidth": 1.4}, y, tooltip, color=colour, opacity=faint),
        _layer(ends, {"type": "circle", "size": 22}, y, tooltip, color=colour, opacity=faint),
        _layer(best, {"type": "line", "strokeWidth": 3, "color": BEST}, y, tooltip),
    ]
    caption = f"The {metric} of each trial after each epoch."
    if any(each.state == "PRUNED" for each in shown):
        caption += " Grey ones were stopped early, where their line ends."
    caption += " The thick one is the best trial." if best else ""
    return [Figure("curves", f"{metric} by epoch", caption + told(shown, having), spec(layers, 320))]


def _layer(rows: list[Spec], mark: Spec, y: Spec, tooltip: Any, **more: Any) -> Spec:
    x = {"field": "epoch", "type": "quantitative", "title": "epoch", "axis": {"tickMinStep": 1, "format": "d"}}
    x["scale"] = {"zero": False, "nice": False, "padding": 8}
    encoding = {"x": x, "y": y, "detail": {"field": "trial"}, "tooltip": tooltip, **more}
    return {"data": values(rows), "transform": [{"flatten": ["epoch", "value"]}], "mark": mark, "encoding": encoding}


def _thinned(found: Sequence[int]) -> list[int]:
    """At most `POINTS` epochs, the first and the last among them."""
    if len(found) <= POINTS:
        return list(found)
    return [found[i * (len(found) - 1) // (POINTS - 1)] for i in range(POINTS)]
