"""From the `optimizer` section of a configuration to an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from raypose.errors import RayPoseError
from raypose.registry import OPTIMIZER_BUILDERS, build_from_cfg

DEFAULT = "DefaultOptimizerConstructor"


def build_optimizer(cfg: Mapping[str, Any], model: nn.Module) -> Optimizer:
    """The optimizer of `model`: `{type, ..., constructor, paramwise_cfg}`, where all but the last two are the
    constructor's `optimizer_cfg`.

    Raises:
        RayPoseError: unknown or unfit names, arguments or values.

    Example:
        >>> build_optimizer({"type": "AdamW", "lr": 1e-3, "paramwise_cfg": {"norm_decay_mult": 0}}, model)
    """
    optimizer_cfg = dict(cfg)
    constructor = optimizer_cfg.pop("constructor", None) or DEFAULT
    args = {"paramwise_cfg": optimizer_cfg.pop("paramwise_cfg", None), "optimizer_cfg": optimizer_cfg}
    optimizer = build_from_cfg({"type": constructor, **args}, OPTIMIZER_BUILDERS)(model)
    if not isinstance(optimizer, Optimizer):
        raise RayPoseError(
            f"the optimizer constructor '{constructor}' must return an Optimizer, but it returned {optimizer!r}",
            rule="wrong-type",
        )
    return optimizer
