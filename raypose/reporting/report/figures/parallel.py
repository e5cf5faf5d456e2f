"""All dimensions of all trials at once: parallel coordinates, a row a dimension."""

from __future__ import annotations

from collections.abc import Sequence

from raypose.reporting.records import Record
from raypose.reporting.report.coordinates import ABSENT, Row
from raypose.reporting.report.dimensions import Dimension
from raypose.reporting.report.figure import Figure, Spec, left_out, some, spec, tip, told, values
from raypose.reporting.report.theme import BEST, STATES
from raypose.reporting.report.view import View

FEW = 9  # dimensions that are shown
LIMIT = 150  # trials that are shown
HEIGHT = 52  # pixels of a row


def parallel(view: View) -> list[Figure]:
    """The most important dimensions, under a row of the metric."""
    done = [each for each in view.valued if each.state in ("COMPLETE", "PRUNED")]
    columns = [(each, {record.number: record.params.get(each.name) for record in done}) for each in view.dimensions]
    varied = [(each, column) for each, column in columns if len({*map(str, column.values())} - {"None"}) > 1]
    if len(done) < 2 or not varied:
        return []
    metric, shown = view.goal.metric, some(done, LIMIT)
    reached = {record.number: view.value(record) for record in done}
    rows = [Row(Dimension("", metric), reached, falling=view.goal.mode == "min")]
    rows += [Row(*each) for each in varied[:FEW]]
    caption = (
        f"Each line is a trial, from its {metric} down through its dimensions, the most important ones first: grey those "
        "that were stopped early, blue the others, the stronger the better, thick the best. Where good lines meet, there is "
        "a value to prefer. A dash on the left stands for trials whose branch lacks the dimension."
    )
    caption += left_out(varied[:FEW], varied) + told(shown, done)
    return [Figure("parallel", "All dimensions at once", caption, spec(_layers(view, rows, shown), HEIGHT * len(rows)))]


def _layers(view: View, rows: Sequence[Row], shown: Sequence[Record]) -> list[Spec]:
    x = {"field": "at", "type": "quantitative", "axis": None, "scale": {"domain": [ABSENT - 0.04, 1.04], "nice": False}}
    y: Spec = {"field": "row", "type": "ordinal", "sort": [row.title for row in rows], "title": None}
    y |= {"scale": {"type": "point", "padding": 0.6}, "axis": {"grid": True, "labelLimit": 130, "labelOverlap": False}}
    tooltip = tip(("value", view.goal.metric), ("row", "dimension"), ("told", "its value"))
    along = {"x": x, "y": y, "detail": {"field": "trial"}, "order": {"field": "order"}, "tooltip": tooltip}
    scale = {"reverse": view.goal.mode == "min", "zero": False}
    color = {"field": "value", "type": "quantitative", "legend": None, "scale": scale}

    def lines(chosen: Sequence[Record], width: float, more: Spec, **encoding: Spec) -> Spec:
        mark = {"type": "line", "strokeWidth": width, "strokeJoin": "round", **more}
        data = values(_line(view, each, rows) for each in reversed(chosen))  # the best ones on top
        flat = [{"flatten": ["row", "at", "told", "order"]}]
        return {"data": data, "transform": flat, "mark": mark, "encoding": {**along, **encoding}}

    best = [each for each in shown if view.is_best(each)]
    ended = [each for each in shown if each.state == "COMPLETE" and each not in best]
    stopped = [each for each in shown if each.state == "PRUNED"]
    labels = {"data": values(tick for row in rows for tick in row.ticks)}
    labels["encoding"] = {"x": x, "y": y, "text": {"field": "told"}}
    text = {"type": "text", "baseline": "bottom", "dy": -4, "fontSize": 11, "limit": 115}
    return [
        lines(stopped, 1, {"opacity": 0.4, "color": STATES["PRUNED"]}),
        lines(ended, 1.5, {"opacity": 0.75}, color=color),
        lines(best, 3, {"color": BEST}),
        {**labels, "mark": {**text, "style": "halo"}},
        {**labels, "mark": text},
    ]


def _line(view: View, record: Record, rows: Sequence[Row]) -> Spec:
    return {
        **view.row(record),
        "row": [row.title for row in rows],
        "at": [row.at(record.number) for row in rows],
        "told": [row.told(record.number) for row in rows],
        "order": list(range(len(rows))),
    }
