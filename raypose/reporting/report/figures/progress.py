"""How the best value grew, over time and over trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from raypose.reporting.epochs import signed
from raypose.reporting.records import Record, is_candidate
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
from raypose.reporting.report.theme import BEST
from raypose.reporting.report.view import View

UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
LIMIT = 600  # trials that are shown


def progress(view: View) -> list[Figure]:
    """Two figures: over the time since the first trial started, and over the trials in their order."""
    done = [each for each in view.valued if view.frozen[each.number].datetime_complete and each.state != "RUNNING"]
    if not done:
        return []
    unit, at = _times(view, done)
    since, first = f"{unit} since the start", "Each dot is a trial at its best epoch, placed"
    line = "the line is the best finished trial so far. Trials that were stopped early don't count for it."
    numbers = {each.number: each.number for each in done}
    return [
        _figure(view, done, "best-over-time", "Best so far, over time", since, at, f"{first} where it ended; {line}"),
        _figure(
            view,
            done,
            "best-over-trials",
            "Best so far, over trials",
            "trial",
            numbers,
            f"{first} by its number; {line}",
        ),
    ]


def _times(view: View, done: Sequence[Record]) -> tuple[str, dict[int, float]]:
    """When each ended since the first trial started, and in which unit."""
    start = min(view.frozen[each.number].datetime_start for each in done)
    ended = {each.number: (view.frozen[each.number].datetime_complete - start).total_seconds() for each in done}
    unit, size = next(((unit, size) for unit, size in UNITS if max(ended.values()) >= 2 * size), UNITS[-1])
    return unit, {number: short(seconds / size) for number, seconds in ended.items()}


def _figure(
    view: View, done: Sequence[Record], name: str, title: str, x_title: str, at: Mapping[int, float], caption: str
) -> Figure:
    shown = some(done, LIMIT)
    rows = [{**view.row(each), "at": at[each.number]} for each in shown]
    metric = view.goal.metric
    scale = {"domain": [0, 1.02 * max(at.values()) or 1], "nice": False}
    x = {"field": "at", "type": "quantitative", "title": x_title, "scale": scale}
    y = {"field": "value", **axis(metric, (row["value"] for row in rows))}
    tooltip = tip(("value", metric), ("at", x_title))
    dots = {
        "data": values(rows),
        "mark": {"type": "circle", "size": 45, "opacity": 0.75},
        "encoding": {"x": x, "y": y, "color": state_colour(each["state"] for each in rows), "tooltip": tooltip},
    }
    steps = _steps(view, done, at)
    step = {
        "data": values(steps),
        "mark": {"type": "line", "interpolate": "step-after", "color": BEST, "strokeWidth": 2.5},
        "encoding": {"x": x, "y": y},
    }
    ring = [row for row, each in zip(rows, shown, strict=True) if view.is_best(each)]
    return Figure(
        name,
        title,
        caption + told(shown, done),
        spec([step, dots, best_mark(ring, x, y, tooltip)]),
    )


def _steps(view: View, done: Sequence[Record], at: Mapping[int, float]) -> list[Spec]:
    """Where the best finished trial changes, and where all ends."""
    found: list[Any] = []
    low = None
    for each in sorted(filter(is_candidate, done), key=lambda each: at[each.number]):
        value = view.value(each)
        turned = signed([value], [view.goal])[0] if value is not None else None
        if turned is not None and (low is None or turned < low):
            low = turned
            found.append({"at": at[each.number], "value": value})
    return [*found, {**found[-1], "at": max(at.values())}] if found else []
