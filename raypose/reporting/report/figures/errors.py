"""How large the best model's errors are."""

from __future__ import annotations

import numpy as np

from raypose.reporting.report.figure import HEIGHT, Figure, short, spec, values
from raypose.reporting.report.theme import BEST, STATES
from raypose.reporting.report.view import View

BINS = 30


def errors(view: View) -> list[Figure]:
    kept = view.kept
    found = np.asarray(kept.errors if kept else [], dtype=float)
    found = found[np.isfinite(found)]
    if kept is None or not len(found):
        return []
    half, most, end = np.percentile(found, [50, 90, 99])
    counts, edges = np.histogram(np.minimum(found, end), bins=min(BINS, max(len(found) // 3, 5)), range=(0, end or 1))
    rows = [
        {"from": short(low), "to": short(high), "count": int(count)}
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]
    x = {
        "field": "from",
        "type": "quantitative",
        "title": f"error of an instance, {kept.unit}",
        "bin": {"binned": True},
    }
    x["scale"], x["axis"] = {"nice": False}, {"format": "~g"}
    tooltip = [{"field": key, "title": key} for key in ("from", "to")] + [{"field": "count", "title": "instances"}]
    y = {"field": "count", "type": "quantitative", "title": "instances"}
    bars = {"type": "bar", "color": STATES["COMPLETE"], "binSpacing": 1}
    marks = [{"at": short(half), "told": "half"}, {"at": short(most), "told": "9 in 10"}]
    at = {"x": {"field": "at", "type": "quantitative"}}
    rule = {"type": "rule", "color": BEST, "strokeWidth": 2}
    text = {"type": "text", "align": "left", "baseline": "top", "dx": 4, "color": BEST, "fontWeight": 600}
    layers = [
        {"data": values(rows), "mark": bars, "encoding": {"x": x, "x2": {"field": "to"}, "y": y, "tooltip": tooltip}},
        {"data": values(marks), "mark": rule, "encoding": at},
        {"data": values(marks), "mark": text, "encoding": {**at, "y": {"value": 0}, "text": {"field": "told"}}},
    ]
    beyond = int((found > end).sum())
    caption = (
        f"The mean distance of an instance's labelled keypoints from where the model puts them, in {kept.unit}: half of the "
        f"{len(found):,} validation instances are below {half:.3g}, nine in ten below {most:.3g}."
    )
    caption += f" The last bar has {beyond} above {end:.3g}, too." if beyond else ""
    return [Figure("errors", "How large the errors are", caption, spec(layers, HEIGHT))]
