"""Each dimension against the metric."""

from __future__ import annotations

import json
import statistics

from raypose.reporting.records import Record
from raypose.reporting.report.dimensions import Dimension
from raypose.reporting.report.figure import (
    Figure,
    Spec,
    axis,
    best_mark,
    short,
    some,
    spec,
    state_colour,
    tip,
    told,
    values,
)
from raypose.reporting.report.view import View

FEW = 12  # dimensions that are shown
LIMIT = 300  # trials that a slice shows


def slices(view: View) -> list[Figure]:
    """One figure for each of the most important dimensions that took more than one value."""
    return [_slice(view, each) for each in view.varied[:FEW]]


def _slice(view: View, dimension: Dimension) -> Figure:
    having = [each for each in view.valued if dimension.name in each.params]
    shown, metric = some(having, LIMIT), view.goal.metric
    taken = {str(each.params[dimension.name]) for each in having}
    options = [each for each in dimension.options if each in taken]
    rows = [{**view.row(each), **_place(dimension, options, each)} for each in shown]
    tooltip = tip(("told", dimension.short), ("value", metric))
    x = _x(dimension, options, rows)
    y = {"field": "value", **axis("", map(view.value, view.valued))}
    colour = state_colour((row["state"] for row in rows), legend=False)
    dots = {
        "data": values(rows),
        "mark": {"type": "circle", "size": 45, "opacity": 0.7},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
    }
    best = [row for row, each in zip(rows, shown, strict=True) if view.is_best(each)]
    layers = [_medians(rows, options, x, y), dots, best_mark(best, x, y, tooltip)]
    lacking = len(view.valued) - len(having)
    caption = dimension.name + (f": only the {len(having)} trials that have it" if lacking else "") + "."
    return Figure(f"slice-{dimension.short}", dimension.short, caption + told(shown, having), spec(layers, 190))


def _place(dimension: Dimension, options: list[str], record: Record) -> Spec:
    """Where a trial stands: those of a choice beside each other, wherever they are drawn again."""
    value = record.params[dimension.name]
    if not options:
        return {"at": short(value), "told": short(value)}
    aside = (record.number * 0.618 % 1 - 0.5) * 0.5
    return {"at": round(options.index(str(value)) + aside, 3), "told": str(value)}


def _x(dimension: Dimension, options: list[str], rows: list[Spec]) -> Spec:
    if not options:
        return {"field": "at", **axis("", (row["at"] for row in rows), log=dimension.log)}
    labels = [each.strip('"') for each in options]
    ticks = {
        "values": list(range(len(options))),
        "labelExpr": f"{json.dumps(labels)}[datum.value]",
        "ticks": False,
        "labelPadding": 8,
    }
    ticks |= (
        {"labelAngle": -30, "labelLimit": 110} if sum(map(len, options)) > 36 else {"labelAngle": 0, "labelLimit": 120}
    )
    scale = {"domain": [-0.5, len(options) - 0.5], "nice": False, "zero": False}
    return {
        "field": "at",
        "type": "quantitative",
        "title": None,
        "scale": scale,
        "axis": {**ticks, "labelOverlap": False},
    }


def _medians(rows: list[Spec], options: list[str], x: Spec, y: Spec) -> Spec:
    """A bar for each choice, of its finished trials."""
    by: dict[str, list[float]] = {}
    for row in rows if options else ():
        if row["state"] == "COMPLETE":
            by.setdefault(row["told"], []).append(row["value"])
    found = [
        {
            "at": options.index(told) - 0.35,
            "end": options.index(told) + 0.35,
            "told": told,
            "value": short(statistics.median(each)),
            "trials": len(each),
        }
        for told, each in by.items()
    ]
    titles = {"told": "choice", "value": "median of finished trials", "trials": "finished trials"}
    tooltip = [{"field": field, "title": title} for field, title in titles.items()]
    mark = {"type": "rule", "strokeWidth": 3, "opacity": 0.6, "color": "#7a8490"}
    at = {"x": x, "x2": {"field": "end"}, "y": y, "tooltip": tooltip}
    return {"data": values(found), "mark": mark, "encoding": at}
