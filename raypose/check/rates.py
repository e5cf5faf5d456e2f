"""Warnings about numbers that are allowed, but that nobody means."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from raypose.check.constructors import optimizers
from raypose.check.report import Report, mappings
from raypose.check.variants import variants
from raypose.space.tree import Mapping, Scalar


@dataclass(frozen=True)
class Usual:
    """The range outside of which a number is probably a mistake."""

    low: float
    high: float


RATE = Usual(1e-7, 10)
OF_OPTIMIZERS = {"lr": RATE, "weight_decay": Usual(0, 1), "momentum": Usual(0, 1)}
OF_SCHEDULES = {"max_lr": RATE, "base_lr": RATE}


def unusual_rates(report: Report, tree: Mapping) -> None:
    """Warn of rates of absurd size in each optimizer, a cocktail's parts included, and in each schedule."""
    for optimizer in optimizers(tree.entries.get("optimizer")):
        _unusual(report, optimizer, OF_OPTIMIZERS)
    for training in mappings(tree.entries.get("training")):
        for schedule in mappings(training.entries.get("lr_schedule")):
            _unusual(report, schedule, OF_SCHEDULES)


def _unusual(report: Report, component: Mapping, table: dict[str, Usual]) -> None:
    for key, usual in table.items():
        for number in _numbers(component, key):
            wrong = number.value < 0 or not math.isfinite(number.value)  # which is an error
            if not wrong and not usual.low <= number.value < usual.high:
                message = f"'{key}' is usually between {usual.low:g} and {usual.high:g}, but got {number.value:g}"
                report.warn(number.mark, message, "unusual-value")


def _numbers(component: Mapping, key: str) -> Iterator[Scalar]:
    node = component.entries.get(key)
    for each in variants(node) if node is not None else ():
        if isinstance(each, Scalar) and isinstance(each.value, (int, float)) and not isinstance(each.value, bool):
            yield each
