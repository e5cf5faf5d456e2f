"""From the `optimizer` section of a configuration to an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from raypose.errors import RayPoseError
from raypose.optim.groups import check_cover
from raypose.optim.unmatched import UnmatchedKeys, without
from raypose.registry import OPTIMIZER_BUILDERS, build_from_cfg

DEFAULT = "DefaultOptimizerConstructor"


def build_optimizer(
    cfg: Mapping[str, Any], model: nn.Module, unmatched: Callable[[UnmatchedKeys], None] | None = None
) -> Optimizer:
    """The optimizer of `model`: `{type, ..., constructor, paramwise_cfg}`, where all but the last two are the
    constructor's `optimizer_cfg`.

    `unmatched` is told `custom_keys` that are a part of no parameter's name, which then count for nothing; without it they
    are an error.

    Raises:
        RayPoseError: unknown or unfit names, arguments or values; a trainable parameter in no group, or in two.

    Example:
        >>> build_optimizer({"type": "AdamW", "lr": 1e-3, "paramwise_cfg": {"norm_decay_mult": 0}}, model)
    """
    optimizer_cfg = dict(cfg)
    constructor = optimizer_cfg.pop("constructor", None) or DEFAULT
    args = {"paramwise_cfg": optimizer_cfg.pop("paramwise_cfg", None), "optimizer_cfg": optimizer_cfg}
    try:
        optimizer = build_from_cfg({"type": constructor, **args}, OPTIMIZER_BUILDERS)(model)
    except UnmatchedKeys as error:
        if unmatched is None:
            raise
        unmatched(error)
        return build_optimizer(without(cfg, error.paths), model, unmatched)
    if not isinstance(optimizer, Optimizer):
        raise RayPoseError(
            f"the optimizer constructor '{constructor}' must return an Optimizer, but it returned {optimizer!r}",
            rule="wrong-type",
        )
    check_cover(optimizer, model, constructor)
    return optimizer
