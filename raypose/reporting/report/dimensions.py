"""What there is to know of a dimension to draw it: its short name, its options, whether it is logarithmic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from raypose.reporting.experiment import Experiment

FEW = 8  # integers that are shown one by one


@dataclass(frozen=True)
class Dimension:
    """`options` are the labels of a choice, in the order of the space, or a few integers; other numbers have none."""

    name: str
    short: str
    options: tuple[str, ...] = ()
    log: bool = False


def dimensions(experiment: Experiment) -> list[Dimension]:
    """Every dimension that a trial has a value of, in the order of the trials."""
    known: dict[str, Any] = {}
    for trial in experiment.frozen_trials:
        known.update(trial.distributions)
    values: dict[str, dict[Any, None]] = {}
    for record in experiment.own:
        for name, value in record.params.items():
            values.setdefault(name, {})[value] = None
    names = shortened(values)
    kinds = {each.name: each.kind for each in experiment.space.dimensions} if experiment.space else {}
    return [_dimension(name, names[name], known.get(name), list(values[name]), kinds.get(name, "")) for name in values]


def _dimension(name: str, short: str, distribution: Any, values: list[Any], kind: str) -> Dimension:
    if any(isinstance(value, str) for value in values):
        options = [str(each) for each in getattr(distribution, "choices", ())]
        options += [str(value) for value in values if str(value) not in options]
        return Dimension(name, short, tuple(options))
    if all(isinstance(value, int) for value in values) and len(values) <= FEW:
        return Dimension(name, short, tuple(map(str, sorted(values))))
    return Dimension(name, short, log="log" in kind or bool(getattr(distribution, "log", False)))


def shortened(names: Iterable[str]) -> dict[str, str]:
    """The shortest ends of dotted names that are no other's end, too.

    Example:
        >>> shortened(["model.backbone", "optimizer.AdamW.lr", "optimizer.SGD.lr"])
        {'model.backbone': 'backbone', 'optimizer.AdamW.lr': 'AdamW.lr', 'optimizer.SGD.lr': 'SGD.lr'}
    """
    ends = {
        name: [".".join(parts[-n:]) for n in range(1, len(parts) + 1)] for name in names if (parts := name.split("."))
    }
    count = Counter(end for each in ends.values() for end in each)
    return {name: next((end for end in each if count[end] == 1), name) for name, each in ends.items()}
