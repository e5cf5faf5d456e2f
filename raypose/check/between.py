"""The numbers of a range between its ends, for annotations that may allow the ends alone."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator
from typing import Any, Literal

from raypose.check.report import alternatives
from raypose.space.traverse import as_written
from raypose.space.tree import Node, Range, Scalar
from raypose.space.walker import cast

MOST = 1000  # numbers of a range that are looked at


def is_picky(annotation: Any) -> bool:
    """Whether an annotation lists values, so that it may allow both ends of a range, but not all between them."""
    return typing.get_origin(annotation) is Literal or any(map(is_picky, typing.get_args(annotation)))


def between(node: Node) -> Iterator[Scalar]:
    """The numbers of each range between its ends, or the middle where there is no step."""
    for each in alternatives(node):
        if isinstance(each, Range):
            count = math.ceil((each.high - each.low) / each.step) if each.step else 2
            for i in range(1, min(count, MOST)):
                value = cast(each, each.low + i * (each.high - each.low) / count)
                yield Scalar(each.mark, value, as_written(each), value)
