"""A row of parallel coordinates: where the values of a dimension stand, from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from raypose.reporting import words
from raypose.reporting.report.dimensions import Dimension
from raypose.reporting.report.figure import Spec

ABSENT = -0.12  # where those stand that don't have the dimension
LABELS = 6  # of a choice; of one with more the first and the last


class Row:
    """`values` are by a trial's number, None where it lacks the dimension; `falling`: the lowest is on the right."""

    def __init__(self, dimension: Dimension, values: Mapping[int, Any], falling: bool = False) -> None:
        self.title, self.log = dimension.short, dimension.log
        self.values = {number: value for number, value in values.items() if value is not None}
        self.lacks = len(self.values) < len(values)
        taken = {str(value) for value in self.values.values()}
        self.options = [each for each in dimension.options if each in taken]
        places = [self._place(value) for value in self.values.values()]
        ends = min(places), max(places)
        self.start, self.end = ends[::-1] if falling else ends

    def _place(self, value: Any) -> float:
        if self.options:
            return self.options.index(str(value))
        return math.log(value) if self.log and value > 0 else value

    def at(self, number: int) -> float:
        if number not in self.values:
            return ABSENT
        return round((self._place(self.values[number]) - self.start) / ((self.end - self.start) or 1), 4)

    def told(self, number: int) -> str:
        value = self.values.get(number, "not in its branch")
        return words.number(value) if isinstance(value, float) else str(value).strip('"')

    @property
    def ticks(self) -> list[Spec]:
        """The labels of a choice, the ends of a number."""
        found = sorted({(self.at(number), self.told(number)) for number in self.values})
        shown = found if self.options and len(found) <= LABELS else [found[0], found[-1]]
        dash = [(ABSENT, "–")] if self.lacks else []
        return [{"row": self.title, "at": at, "told": text} for at, text in [*dash, *shown]]
