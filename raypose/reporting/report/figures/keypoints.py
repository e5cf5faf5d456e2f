"""Which keypoints the best model finds well, and which not."""

from __future__ import annotations

from typing import Any

from raypose.config import BETTER
from raypose.reporting.report.figure import Figure, short, spec, values
from raypose.reporting.report.theme import STATES
from raypose.reporting.report.view import View

FEW = 3  # metrics that are shown
HARDEST = 40  # keypoints that are shown
UNITS = {"EPE": "pixels of the image"}


def keypoints(view: View) -> list[Figure]:
    """A figure a metric that is known by keypoint."""
    kept = view.kept
    found = kept.per_keypoint.items() if kept else ()
    return [figure for metric, numbers in list(found)[:FEW] if (figure := _figure(metric, numbers)) is not None]


def _figure(metric: str, numbers: dict[str, Any]) -> Figure | None:
    rows = [{"name": name, "value": short(value)} for name, value in numbers.items() if isinstance(value, int | float)]
    rows = [row for row in rows if row["value"] is not None]
    if not rows:
        return None
    falls = BETTER.get(metric, "max") == "min"
    rows.sort(key=lambda row: -row["value"] if falls else row["value"])
    left_out, rows = rows[HARDEST:], rows[:HARDEST]
    y = {"field": "name", "type": "nominal", "sort": [row["name"] for row in rows], "title": None}
    title = f"{metric}, {UNITS[metric]}" if metric in UNITS else metric
    x = {"field": "value", "type": "quantitative", "title": title, "axis": {"grid": True, "format": "~g"}}
    tooltip = [{"field": "name", "title": "keypoint"}, {"field": "value", "title": metric}]
    bar = {"type": "bar", "color": STATES["COMPLETE"], "cornerRadiusEnd": 2, "height": {"band": 0.66}}
    text = {"field": "value", "type": "quantitative", "format": ".3~g"}
    layers = [
        {"mark": bar, "encoding": {"x": x, "y": y, "tooltip": tooltip}},
        {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"x": x, "y": y, "text": text}},
    ]
    good = "short" if falls else "long"
    caption = (
        f"The best model's {metric} on all validation instances, the hardest keypoints first; {good} bars are good."
    )
    if left_out:
        caption += f" Shown are {len(rows)} of {len(rows) + len(left_out)}."
    return Figure(
        f"keypoints-{metric}", f"{metric} by keypoint", caption, spec(layers, 21 * len(rows), data=values(rows))
    )
