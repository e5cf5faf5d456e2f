"""What else can be measured of predictions than a configuration names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from raypose.registry import METRICS, parameters

if TYPE_CHECKING:
    from raypose.data import KeypointTable

logger = logging.getLogger("raypose")
Value = TypeVar("Value")


def beyond(configured: Iterable[Mapping[str, Any]], table: KeypointTable) -> list[dict[str, Any]]:
    """The configured metrics that have details, with these, and every other registered one that needs no argument and can
    measure the table.

    Example:
        >>> beyond([{"type": "CocoAP"}, {"type": "EPE"}], table)
        [{'type': 'CocoAP', 'details': True}, {'type': 'AUC'}, {'type': 'NME'}, {'type': 'PCK'}]
    """
    known = [dict(each) for each in configured]
    others = [{"type": name} for name in METRICS if name not in {each.get("type") for each in known}]
    return [each for each in (*_detailed(known), *_with_details(others)) if _fits(each, table)]


def with_more(
    known: Mapping[str, Value], others: Iterable[Mapping[str, Any]], measure: Callable[[Any], Mapping[str, Value]]
) -> dict[str, Value]:
    """`known` and what `measure` gives for each of the other metrics, but never another value of a name.

    Example:
        >>> with_more({"EPE": 2.1}, [{"type": "EPE"}, {"type": "NME"}], measure)
        {'EPE': 2.1, 'NME': 0.02}
    """
    found = dict(known)
    for cfg in others:
        try:
            measured = measure(cfg)
        except Exception:  # whatever a user's metric raises that nobody asked for
            logger.warning("%s cannot be measured here", cfg["type"], exc_info=True)
            continue
        found |= {name: value for name, value in measured.items() if name not in found}
    return found


def _detailed(configured: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (each for each in _with_details(configured) if "details" in each)


def _with_details(configured: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in configured:
        has = "details" in parameters(METRICS.get(each["type"]))
        yield {**each, "details": True} if has else each


def _fits(cfg: Mapping[str, Any], table: KeypointTable) -> bool:
    try:
        getattr(METRICS.build(cfg), "check", lambda table: None)(table)
    except Exception:  # whatever a user's metric raises that nobody asked for
        return False
    return True
