"""A head's output: a Tensor, or a tuple of Tensors where it has parts; a list of those, one a stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def map_parts(function: Callable[..., Any], *outputs: Any) -> Any:
    """`function` of outputs of equal structure, part by part.

    Example:
        >>> map_parts(torch.add, (x, y), (x2, y2))  # (x + x2, y + y2)
    """
    if isinstance(outputs[0], Tensor):
        return function(*outputs)
    return tuple(function(*parts) for parts in zip(*outputs, strict=True))


def stages(output: Any) -> list[Any]:
    """The outputs of all stages, the last one of which is decoded."""
    return output if isinstance(output, list) else [output]


def shape(output: Any) -> Any:
    """What a codec's `encode` is told: the shape without the batch, or a tuple of such shapes, one a part."""
    return map_parts(lambda part: tuple(part.shape[1:]), output)
