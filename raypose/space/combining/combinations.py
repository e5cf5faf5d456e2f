"""Combinations of a conditional space's options: all of them, or every pair; and the ends of its ranges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from raypose.space.combining.cover import cover
from raypose.space.combining.slots import Section, Slot, middle, row, slots
from raypose.space.kinds import Number
from raypose.space.space import Space
from raypose.space.tree import Range

FEW_VALUES = 4  # an integer range with at most so many values is gone through whole


@dataclass(frozen=True)
class Combinations:
    """Rows of values by dimension name: labels of choices, numbers of ranges.

    `complete` if every combination of choices is among them.
    """

    rows: list[dict[str, Any]]
    complete: bool


def combinations(space: Space, sections: Iterable[Section], limit: int = 512) -> Combinations:
    """What to try of some sections of a space, so that every part of it was tried.

    Choices: all combinations if there are at most `limit`, else every option and every pair of options that can occur
    together at least once. Ranges stand at their middle there; more rows have each at each of its ends (integers with
    up to four values: at each value), with first options and middles elsewhere. A row has every dimension of its own
    branch: those below the sections, the choices above these, and what refs inside point to.

    Args:
        sections: keys from the top such as `("model",)` or `("data", "input_size")`, without the labels of options;
            one that the space lacks adds nothing.

    Example:
        >>> space = Space.parse("{head: {choice: [A, B]}, lr: {uniform: [0, 1]}, seed: {choice: [1, 2]}}")
        >>> combinations(space, [("head",)])
        Combinations(rows=[{'head': '"A"'}, {'head': '"B"'}], complete=True)
        >>> [row["lr"] for row in combinations(space, [("lr",)]).rows]
        [0.5, 0.0, 1.0]
    """
    found = slots(space.tree, sections)
    complete = count(found) <= limit
    rows = product(found) if complete else [row(found, taken) for taken in cover(found)]
    ends = (row(found, taken) for taken in _ends(found, {}))
    return Combinations(list({tuple(each.items()): each for each in (*rows, *ends)}.values()), complete)


def count(slots: Iterable[Slot]) -> int:
    """How many combinations of choices there are; none is made."""
    return math.prod(sum(map(count, slot.options.values())) if slot.options else 1 for slot in slots)


def product(
    slots: Iterable[Slot], numbers: Callable[[Range], Iterable[Number]] = lambda dimension: [middle(dimension)]
) -> list[dict[str, Any]]:
    """Every combination of choices, and of some `numbers` of each range (its middle); the last dimension changes fastest."""
    parts = (_alternatives(slot, numbers) for slot in slots)
    return [dict(itertools.chain.from_iterable(each)) for each in itertools.product(*parts)]


def _alternatives(slot: Slot, numbers: Callable[[Range], Iterable[Number]]) -> list[list[tuple[str, Any]]]:
    if isinstance(slot.dimension, Range):
        return [[(slot.name, number)] for number in numbers(slot.dimension)]
    below = ((label, values) for label, inner in slot.options.items() for values in product(inner, numbers))
    return [[(slot.name, label), *values.items()] for label, values in below]


def _ends(slots: Iterable[Slot], above: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each value of each range that is to be tried besides its middle, with the options that lead to it."""
    for slot in slots:
        if isinstance(slot.dimension, Range):
            yield from ({**above, slot.name: value} for value in _values(slot.dimension))
        for label, inner in slot.options.items():
            yield from _ends(inner, {**above, slot.name: label})


def _values(dimension: Range) -> list[Number]:
    low, high, step = dimension.low, dimension.high, dimension.step
    values = [low, high]
    if dimension.facts.integer and (high - low) // (step or 1) < FEW_VALUES:
        values = list(range(int(low), int(high) + 1, int(step or 1)))
    return [value for value in values if value != middle(dimension)]
