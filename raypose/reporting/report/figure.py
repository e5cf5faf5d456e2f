"""A figure, and what figures are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from raypose.reporting.records import Record
from raypose.reporting.report.theme import BEST, STATES, WORDS

Spec = dict[str, Any]
HEIGHT = 260  # pixels


@dataclass(frozen=True)
class Figure:
    """`spec` is of Vega-Lite 6, its data inside; `caption` says how to read it. A `name` is that of a file."""

    name: str
    title: str
    caption: str
    spec: Spec


def spec(layers: Sequence[Spec], height: Any = HEIGHT, **more: Any) -> Spec:
    """Layers one over the other, those without data left out, as wide as there is room."""
    autosize = {"type": "fit-x", "contains": "padding"}
    layers = [each for each in layers if each.get("data", more.get("data", {}))["values"]]
    return {"width": "container", "height": height, "autosize": autosize, "layer": layers, **more}


def values(rows: Iterable[Spec]) -> Spec:
    return {"values": list(rows)}


def short(value: Any) -> Any:
    """A number as exact as a figure shows it; None where it is none.

    Example:
        >>> short(0.123456789), short(math.nan)
        (0.12346, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return float(f"{value:.5g}") if math.isfinite(value) else None


def axis(title: str, numbers: Iterable[float | None], log: bool | None = None, **more: Any) -> Spec:
    """A scale of numbers that spans them; logarithmic where `log` says so, else where they are positive and span more than
    a factor of 50."""
    known = [each for each in numbers if each is not None] or [0.0]
    low, high = min(known), max(known)
    log = low > 0 and (high / low > 50 if log is None else log)
    large = max(abs(low), abs(high)) >= 1e4
    ticks = {"format": "~s" if large else "~r", **more}
    scale = {"type": "log" if log else "linear", "domain": _domain(low, high, log), "nice": False, "zero": False}
    if log:
        del scale["zero"]
    return {"type": "quantitative", "title": title or None, "scale": scale, "axis": ticks}


def _domain(low: float, high: float, log: bool) -> list[Any]:
    """With room on both sides, but none beyond 0."""
    if log:
        room = max(high / low, 1.2) ** 0.05
        return [short(low / room), short(high * room)]
    room = ((high - low) or abs(high) or 1.0) * 0.06
    bottom = low - room if low < 0 or low > room else min(low, -room / 4 if low == 0 else 0)
    top = high + room if high > 0 or high < -room else 0
    return [short(bottom), short(top)]


def state_colour(states: Iterable[str], legend: bool = True) -> Spec:
    """The colour of the field `state`, for those that occur."""
    known = set(states)
    domain = [state for state in STATES if state in known]
    named = " : ".join(f"datum.value == '{state}' ? '{WORDS[state]}'" for state in domain) + " : ''"
    scale = {"domain": domain, "range": [STATES[state] for state in domain]}
    shown = {"title": None, "labelExpr": named, "symbolOpacity": 1} if legend and len(domain) > 1 else None
    return {"field": "state", "type": "nominal", "scale": scale, "legend": shown}


def tip(*fields: tuple[str, str]) -> list[Spec]:
    """A tooltip that names the trial and what it is, then each (field, title)."""
    known = [("trial", "trial"), ("what", "configuration"), *fields]
    return [{"field": field, "title": title} for field, title in known]


def best_mark(rows: list[Spec], x: Spec, y: Spec, fields: list[Spec]) -> Spec:
    """A ring around the winner, where it is among those shown."""
    mark = {"type": "point", "size": 170, "stroke": BEST, "strokeWidth": 2.5, "filled": False, "opacity": 1}
    encoding = {"x": x, "y": y, "tooltip": fields}
    return {"data": values(rows), "mark": mark, "encoding": encoding}


def some(records: Sequence[Record], limit: int) -> list[Record]:
    """At most `limit` of ranked records: the best, a quarter of these, and others spread evenly over the search."""
    if len(records) <= limit:
        return list(records)
    best = list(records[: limit // 4])
    rest = sorted(records[limit // 4 :], key=lambda each: each.number)
    wanted = limit - len(best)
    return best + [rest[i * len(rest) // wanted] for i in range(wanted)]


def left_out(shown: Sequence[Any], of: Sequence[Any]) -> str:
    """What to add to a caption where the least important dimensions are not shown."""
    return f" Shown are the {len(shown)} most important of {len(of)} dimensions." if len(shown) < len(of) else ""


def told(shown: Sequence[Any], of: Sequence[Any], what: str = "trials") -> str:
    """What to add to a caption where not all is shown."""
    return f" Shown are {len(shown):,} of {len(of):,} {what}, the best among them." if len(shown) < len(of) else ""
