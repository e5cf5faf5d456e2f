"""Schedules of mmcv 1.x that torch has no like of; both end with the training."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from raypose.errors import RayPoseError
from raypose.optim.epoch_schedule import Clock
from raypose.registry import LR_SCHEDULES


@LR_SCHEDULES.register_module()
class FlatCosineAnnealingLR(LRScheduler):
    """The optimizer's own rates up to a point, then half a cosine down to the lowest ones.

    Args:
        start_percent: the fraction of the whole training, warm-up included, after which the rates fall.
        min_lr: the lowest rate; or `min_lr_ratio`, the lowest as a fraction of the optimizer's own. Default: 0.

    Example:
        >>> build_schedule({"type": "FlatCosineAnnealingLR", "start_percent": 0.5}, optimizer, 20, steps_per_epoch=100)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_percent: Annotated[float, Field(ge=0, lt=1)] = 0.75,
        min_lr: float | None = None,
        min_lr_ratio: float | None = None,
        *,
        clock: Clock = Clock(),  # noqa: B008  # frozen
    ) -> None:
        if not 0 <= start_percent < 1:
            raise RayPoseError(f"0 <= start_percent < 1 must hold, but got {start_percent}", rule="wrong-value")
        if min_lr is not None and min_lr_ratio is not None:
            raise RayPoseError("min_lr and min_lr_ratio say the same", hint="give one of them", rule="wrong-value")
        self.start = max(0, round(clock.total * start_percent) - clock.warmup)
        self.total = clock.rest
        self.min_lr, self.min_lr_ratio = min_lr or 0.0, min_lr_ratio
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        done = max(0, self.last_epoch - self.start) / max(1, self.total - self.start)
        share = (1 + math.cos(math.pi * min(1, done))) / 2
        lows = [self.min_lr if self.min_lr_ratio is None else rate * self.min_lr_ratio for rate in self.base_lrs]
        return [low + (rate - low) * share for rate, low in zip(self.base_lrs, lows, strict=True)]


@LR_SCHEDULES.register_module()
class PolyLR(LRScheduler):
    """Rates fall to `min_lr` by (1 - t) ** power, where t goes from 0 to 1 over the training after the warm-up.

    Torch's `PolynomialLR` is this with `min_lr` 0 and an end of one's own.

    Example:
        >>> build_schedule({"type": "PolyLR", "power": 0.9, "min_lr": 1e-5}, optimizer, 20, steps_per_epoch=100)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        power: float = 1.0,
        min_lr: float = 0.0,
        *,
        clock: Clock = Clock(),  # noqa: B008  # frozen
    ) -> None:
        self.power, self.min_lr, self.total = power, min_lr, clock.rest
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        share = (1 - min(1, self.last_epoch / self.total)) ** self.power
        return [self.min_lr + (rate - self.min_lr) * share for rate in self.base_lrs]
