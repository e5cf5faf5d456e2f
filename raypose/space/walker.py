"""The one walker: a tree and suggested values -> a plain nested configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raypose.errors import RayPoseError
from raypose.space.kinds import Number, multiple, scaled
from raypose.space.tree import Choice, Dimension, Mapping, Node, Range, Ref, Scalar, Sequence


def walk(node: Node, suggest: Callable[[Dimension], Any], value: Callable[[Scalar], Any]) -> Any:
    """The configuration that `suggest`'s labels and numbers make of a tree; `value` reads a scalar.

    What a ref points to is asked for again; `Space.sample` remembers the answer.
    """
    if isinstance(node, Choice):
        return walk(node.take(suggest(node)).node, suggest, value)
    if isinstance(node, Range):
        return cast(node, suggest(node))
    if isinstance(node, Ref):
        taken = walk(node.target, suggest, value)
        return taken if node.times is None else scaled(taken, node.times)
    if isinstance(node, Mapping):
        return {key: walk(child, suggest, value) for key, child in node.entries.items()}
    if isinstance(node, Sequence):
        return [walk(item, suggest, value) for item in node.items]
    return value(node) if isinstance(node, Scalar) else None


def cast(dimension: Range, value: Any) -> Number:
    """A suggested number put onto the dimension's grid.

    Raises:
        RayPoseError: it is no number, or out of range.
    """
    low, high, step = dimension.low, dimension.high, dimension.step
    slack = 1e-9 * max(abs(low), abs(high))
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not low - slack <= value <= high + slack:
        message = f"`{low} <= {dimension.name} <= {high}` must hold, but got {value!r}"
        raise RayPoseError(dimension.mark.problem(message, "out-of-range"))
    if step is not None:
        value = multiple(round(value / step), step)
    return type(low)(min(max(value, low), high))
