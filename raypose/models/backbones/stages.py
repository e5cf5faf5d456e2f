"""What backbones share: checks of their arguments, and how fast their statistics follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from raypose.errors import RayPoseError

STRIDES = (4, 8, 16, 32)
MOMENTUM = 0.1  # torch's own


def check_out_indices(out_indices: Sequence[int], count: int = len(STRIDES)) -> tuple[int, ...]:
    """The indices of `count` feature maps as a tuple; negative ones count from the end.

    Raises:
        RayPoseError: none, unknown or unordered ones.

    Example:
        >>> check_out_indices([0, -1])
        (0, 3)
    """
    indices = tuple(i + count if i < 0 else i for i in out_indices)
    if not indices or sorted(set(indices)) != list(indices) or not set(indices) <= set(range(count)):
        known = ", ".join(map(str, range(count))) if count < 8 else f"0 to {count - 1}"
        raise RayPoseError(
            f"out_indices are ascending numbers out of {known}, but got {list(out_indices)}", rule="out-indices"
        )
    return indices


def pick(table: Mapping[Any, Any], key: Any, argument: str) -> Any:
    """`table[key]`, or a RayPoseError that names the argument and the known keys."""
    if key not in table:
        known = ", ".join(map(str, table))
        raise RayPoseError(f"{argument} is one of {known}, but got {key!r}", rule="unknown-value")
    return table[key]


def follow_quickly(module: nn.Module) -> None:
    """Make batch statistics follow at torch's pace where a library's are meant for long trainings: after 200 steps with
    a momentum of 0.01 they would still be wrong."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.momentum is not None:
            layer.momentum = max(layer.momentum, MOMENTUM)
