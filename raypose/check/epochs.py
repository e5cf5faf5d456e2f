"""Times of a learning-rate schedule that never come, since the training ends before or with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raypose import config
from raypose.check.report import Report, alternatives, mappings
from raypose.errors import RayPoseError
from raypose.space.tree import Mapping, Node, Range, Ref, Scalar, Sequence


@dataclass(frozen=True)
class Ends:
    """The least and the largest number that a node may come to, and where it stands."""

    node: Node
    low: float
    high: float


def late_milestones(report: Report, tree: Mapping) -> None:
    """Report milestones (and the ends of warm-ups) that no training reaches, and warn of those that some does not."""
    for training in mappings(tree.entries.get("training")):
        epochs = epochs_of(training)
        for schedule in mappings(training.entries.get("lr_schedule")):
            for key in [*_moments(report, schedule), "warmup"]:
                for time in _numbers(schedule.entries[key]) if key in schedule.entries else ():
                    if key != "warmup" or time.low >= 1:  # below 1 it is a fraction of the training
                        _past_the_end(report, key, time, epochs)


def epochs_of(training: Mapping) -> Ends:
    """How many epochs a `training` section may come to; without end where that cannot be told."""
    node = training.entries.get("epochs")
    if node is None:
        return Ends(training, config.Training.epochs, config.Training.epochs)
    found = list(_numbers(node)) or [Ends(node, math.inf, math.inf)]
    return Ends(node, min(each.low for each in found), max(each.high for each in found))


def longest(tree: Mapping) -> int:
    """The most epochs that a training of a space may have."""
    highs = [epochs_of(training).high for training in mappings(tree.entries.get("training"))]
    return max([int(high) for high in highs if 1 <= high < math.inf], default=config.Training.epochs)


def _moments(report: Report, schedule: Mapping) -> Iterator[str]:
    """The arguments that are moments, as the schedule says itself (`moments`, as `EpochSchedule` has it)."""
    named = schedule.entries.get("type")
    for each in alternatives(named) if named is not None else ():
        try:
            found: Any = report.slots["lr_schedule"].get(each.value) if isinstance(each, Scalar) else None
        except (RayPoseError, TypeError):  # an unknown one is reported elsewhere
            continue
        yield from getattr(found, "moments", ())


def _numbers(node: Node) -> Iterator[Ends]:
    """All that a number, a reference to one, or each of a list of numbers may be."""
    for each in alternatives(node):
        if isinstance(each, Sequence):
            for item in each.items:
                yield from _numbers(item)
        elif isinstance(each, Range):
            yield Ends(each, each.low, each.high)
        elif isinstance(each, Ref):
            ends = [end * (each.times or 1) for found in _numbers(each.target) for end in (found.low, found.high)]
            yield from [Ends(each, min(ends), max(ends))] if ends else []
        elif isinstance(each, Scalar) and isinstance(each.value, (int, float)) and not isinstance(each.value, bool):
            yield Ends(each, each.value, each.value)


def _past_the_end(report: Report, key: str, time: Ends, epochs: Ends) -> None:
    never = "never ends" if key == "warmup" else "never comes"
    if time.low >= epochs.high:
        latest = " at the latest" if epochs.low < epochs.high else ""
        message = f"'{key}' {time.low:g} {never}: the training ends after epoch {epochs.high:g}{latest}"
        report.add(time.node.mark, message, "past-the-end", "times of schedules are epochs")
    elif time.high >= epochs.low:
        message = f"'{key}' {time.high:g} {never} where the training ends after epoch {epochs.low:g}"
        report.warn(time.node.mark, message, "past-the-end")
