"""What the backbones of four stages share: checks of their arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from raypose.errors import RayPoseError

STRIDES = (4, 8, 16, 32)


def check_out_indices(out_indices: Sequence[int]) -> tuple[int, ...]:
    """The indices as a tuple.

    Raises:
        RayPoseError: none, unknown or unordered ones.
    """
    indices = tuple(out_indices)
    if not indices or sorted(set(indices)) != list(indices) or not set(indices) <= set(range(len(STRIDES))):
        raise RayPoseError(
            f"out_indices are ascending numbers out of 0, 1, 2, 3, but got {list(indices)}", rule="out-indices"
        )
    return indices


def pick(table: Mapping[Any, Any], key: Any, argument: str) -> Any:
    """`table[key]`, or a RayPoseError that names the argument and the known keys."""
    if key not in table:
        known = ", ".join(map(str, table))
        raise RayPoseError(f"{argument} is one of {known}, but got {key!r}", rule="unknown-value")
    return table[key]
