"""What trials cost, against what they reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raypose.reporting.records import Record
from raypose.reporting.report.figure import Figure, axis, best_mark, short, some, spec, state_colour, tip, told, values
from raypose.reporting.report.view import View

LIMIT = 400  # trials that a figure shows


def _named(name: str) -> Callable[[View, Record], Any]:
    """An objective, what a constraint asked for, or what an epoch reported."""

    def find(view: View, record: Record) -> Any:
        attrs = view.frozen[record.number].user_attrs
        return {**attrs, **record.outcomes, **record.values}.get(name)

    return find


def _parameters(view: View, record: Record) -> Any:
    known = _named("params")(view, record)
    return known if known is not None else view.experiment.meta(record.number).get("fingerprint", {}).get("parameters")


# What a cost is called, and where it stands.
COSTS: Mapping[str, tuple[str, Callable[[View, Record], Any]]] = {
    "params": ("parameters", _parameters),
    "flops": ("multiply-adds of an image", _named("flops")),
    "latency": ("latency, ms", _named("latency")),
    "memory": ("memory of a training step, bytes", _named("memory")),
    "seconds": ("seconds of training", lambda view, record: record.seconds),
}


def costs(view: View) -> list[Figure]:
    """A figure for each cost that is known of trials, and not the same for all."""
    shown = some(view.valued, LIMIT)
    found = [_figure(view, name, *COSTS[name], shown) for name in COSTS]
    return [each for each in found if each is not None]


def _figure(
    view: View, name: str, title: str, cost: Callable[[View, Record], Any], shown: list[Record]
) -> Figure | None:
    known = [(each, short(cost(view, each))) for each in shown if each.state != "RUNNING"]
    rows = [{**view.row(each), "cost": value} for each, value in known if isinstance(value, int | float)]
    if len({row["cost"] for row in rows}) < 2:
        return None
    metric = view.goal.metric
    x = {"field": "cost", **axis(title, (row["cost"] for row in rows))}
    y = {"field": "value", **axis(metric, (row["value"] for row in rows))}
    tooltip = tip(("value", metric), ("cost", title))
    dots = {
        "data": values(rows),
        "mark": {"type": "circle", "size": 45, "opacity": 0.7},
        "encoding": {"x": x, "y": y, "color": state_colour(row["state"] for row in rows), "tooltip": tooltip},
    }
    ring = [row for row in rows if view.best is not None and row["trial"] == view.best.number]
    better = "Up" if view.goal.mode == "max" else "Down"
    caption = (
        f"{better} and to the left is better: more for less; the ring is the best trial.{told(shown, view.valued)}"
    )
    layers = [dots, best_mark(ring, x, y, tooltip)]
    return Figure(f"cost-{name}", f"{metric} against {title}", caption, spec(layers, 220))
