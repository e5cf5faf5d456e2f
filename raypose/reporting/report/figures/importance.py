"""How much each dimension decided."""

from __future__ import annotations

from raypose.reporting.report.dimensions import shortened
from raypose.reporting.report.figure import Figure, left_out, short, spec, values
from raypose.reporting.report.theme import STATES
from raypose.reporting.report.view import View

FEW = 15  # dimensions that are shown


def importance(view: View) -> list[Figure]:
    found = view.importances[:FEW]
    if not any(each.value for each in found):
        return []
    names = shortened(each.name for each in view.importances)
    rows = [
        {
            "name": names[each.name],
            "full": each.name,
            "value": short(each.value),
            "trials": each.trials,
            "note": each.note,
        }
        for each in found
    ]
    tooltip = [
        {"field": "full", "title": "dimension"},
        {"field": "value", "title": "importance", "format": ".1%"},
        {"field": "trials", "title": "trials that have it"},
        {"field": "note", "title": "note"},
    ]
    order = [row["name"] for row in rows]
    y = {"field": "name", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 170}}
    x = {
        "field": "value",
        "type": "quantitative",
        "title": "part of the differences between trials",
        "axis": {"format": "~%", "grid": True},
        "scale": {"domain": [0, max(0.2, 1.12 * rows[0]["value"])], "nice": False},
    }
    bar = {"type": "bar", "color": STATES["COMPLETE"], "cornerRadiusEnd": 2, "height": {"band": 0.66}}
    label = {"type": "text", "align": "left", "dx": 5}
    number = {"field": "value", "type": "quantitative", "format": ".0%"}
    layers = [
        {"mark": bar, "encoding": {"x": x, "y": y, "tooltip": tooltip}},
        {"mark": label, "encoding": {"x": x, "y": y, "text": number, "tooltip": tooltip}},
    ]
    caption = (
        f"How much of the differences in {view.goal.metric} between trials goes with each dimension: a long bar is worth "
        "searching finely, a short one decided little by itself. What is missing to 100% is chance, and dimensions at work "
        "together."
    )
    caption += left_out(found, view.importances)
    drawn = spec(layers, 26 * len(rows), data=values(rows))
    return [Figure("importance", "Importance of each dimension", caption, drawn)]
