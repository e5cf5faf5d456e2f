"""Every schedule of torch.optim.lr_scheduler that values alone describe, and the way from a configuration to one.

Left out: LambdaLR, MultiplicativeLR (functions), SequentialLR, ChainedScheduler (other schedules), and
ReduceLROnPlateau, whose rates follow from results and cannot be had from a step count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from raypose.errors import RayPoseError
from raypose.optim.epoch_schedule import Clock, EpochSchedule
from raypose.optim.warmup import WARMUP_KEYS, Schedule, read_warmup
from raypose.registry import LR_SCHEDULES, build_from_cfg, parameters

for _schedule in (
    EpochSchedule(lr_scheduler.ConstantLR, lengths=("total_iters",)),
    EpochSchedule(lr_scheduler.LinearLR, lengths=("total_iters",)),
    EpochSchedule(lr_scheduler.PolynomialLR, lengths=("total_iters",), runs={"total_iters": 1}),
    EpochSchedule(lr_scheduler.StepLR, lengths=("step_size",)),
    EpochSchedule(lr_scheduler.MultiStepLR, moments=("milestones",)),
    EpochSchedule(lr_scheduler.ExponentialLR, factors=("gamma",)),
    EpochSchedule(lr_scheduler.CosineAnnealingLR, lengths=("T_max",), runs={"T_max": 1}),
    EpochSchedule(lr_scheduler.CosineAnnealingWarmRestarts, lengths=("T_0",), runs={"T_0": 1}),
    EpochSchedule(
        lr_scheduler.CyclicLR,
        lengths=("step_size_up", "step_size_down"),
        factors=("gamma",),
        runs={"step_size_up": 0.5},
        rates=("max_lr",),
        hidden=("scale_fn", "scale_mode"),
    ),
    EpochSchedule(
        lr_scheduler.OneCycleLR,
        runs={"total_steps": 1},
        rates=("max_lr",),
        hidden=("total_steps", "epochs", "steps_per_epoch"),
    ),
):
    LR_SCHEDULES.register_module(module=_schedule)


def build_schedule(cfg: Mapping[str, Any] | None, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> Schedule:
    """The schedule of a training of `epochs` epochs; call its `step()` once an optimizer step.

    Args:
        cfg: `{type, ..., warmup}`; all times are epochs. The warm-up, see `raypose.optim.warmup.read_warmup`, leads to
            where the schedule begins, which then runs over the rest. None: constant rates.

    A schedule of the user's that takes a `clock` (a `Clock`) is stepped like ours, any other one once an epoch.

    Raises:
        RayPoseError: unknown or unfit names, arguments or values.

    Example:
        >>> build_schedule({"type": "CosineAnnealingLR", "warmup": 0.05}, optimizer, epochs=20, steps_per_epoch=100)
    """
    args: dict[str, Any] = dict(cfg) if cfg is not None else {"type": "ConstantLR", "factor": 1.0}
    total = epochs * steps_per_epoch
    warmup = read_warmup({key: args.pop(key) for key in list(args) if key in WARMUP_KEYS}, total, steps_per_epoch)
    given: dict[str, Any] = {"optimizer": optimizer}
    clock = Clock(steps_per_epoch, warmup.steps, total)
    by_step = isinstance(args.get("type"), str) and "clock" in parameters(LR_SCHEDULES.get(args["type"]))
    if by_step:
        given["clock"] = clock
    try:
        schedule = build_from_cfg(args, LR_SCHEDULES, given)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise RayPoseError(f"{args['type']}: {error}", rule="wrong-value") from error
    return Schedule(schedule, warmup, every=1 if by_step else steps_per_epoch)
