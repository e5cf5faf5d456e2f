"""`weighted_loss`, as in mmdet: weights, reduction and averaging for a loss that is computed element by element."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import Tensor

from raypose.errors import RayPoseError

REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"none": lambda x: x, "mean": Tensor.mean, "sum": Tensor.sum}


def weighted_loss(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Give `loss(pred, target, **kwargs)` the arguments `weight=None, reduction="mean", avg_factor=None`.

    `weight` multiplies the elements (it must broadcast to them). `avg_factor` is what the sum is divided by under
    "mean", in place of the number of elements; it has no meaning under "sum".

    Example:
        >>> @weighted_loss
        ... def l1_loss(pred, target):
        ...     return (pred - target).abs()
        >>> l1_loss(pred, target, weight, avg_factor=weight.sum())
    """

    @functools.wraps(loss)
    def wrapper(
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        reduction: str = "mean",
        avg_factor: float | Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        if reduction not in REDUCTIONS:
            raise RayPoseError(f"reduction is none, mean or sum, but got {reduction!r}", rule="unknown-value")
        if avg_factor is not None and reduction == "sum":
            raise RayPoseError("avg_factor has no meaning with reduction='sum'", rule="weighted-loss")
        values = loss(pred, target, **kwargs)
        if weight is not None:
            values = values * weight
        if avg_factor is not None and reduction == "mean":
            return values.sum() / avg_factor
        return REDUCTIONS[reduction](values)

    return wrapper
