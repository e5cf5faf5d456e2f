"""An optimizer and a schedule, proven for a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from raypose.config import Training
from raypose.errors import RayPoseError
from raypose.models.cost import copy_on
from raypose.optim import build_optimizer, build_schedule
from raypose.optim.unmatched import UnmatchedKeys
from raypose.proof.workshop import Workshop

Path = tuple[str, ...]
STEPS_PER_EPOCH = 100  # of the schedule that is tried; what is wrong with a schedule hardly depends on it


def prove_optimizer(shop: Workshop, cfg: Mapping[str, Any], model: nn.Module, parts: tuple) -> dict[Path, str]:
    """Paths of the `custom_keys` that are a part of no parameter's name, with hints, once the optimizer could be built.

    Args:
        parts: what tells the model's parameters from those of other models.

    Raises:
        Failed: it can't be built; a trainable parameter is in no group, or in two.
    """

    def build() -> dict[Path, str]:
        found: dict[Path, str] = {}

        def note(error: UnmatchedKeys) -> None:
            found.update(zip(error.paths, (each.hint for each in error.problems), strict=True))

        if _built(cfg, model, note)[1]:
            shop.on_cpu.add(str(cfg.get("constructor") or cfg.get("type")))
        return found

    return shop.once("optimizer", (dict(cfg), parts), build)


def built(cfg: Mapping[str, Any], model: nn.Module) -> Optimizer:
    """The optimizer of a model without values, or, if its constructor looks at values, of a copy on the CPU."""
    return _built(cfg, model, lambda error: None)[0]


def _built(
    cfg: Mapping[str, Any], model: nn.Module, unmatched: Callable[[UnmatchedKeys], None]
) -> tuple[Optimizer, bool]:
    """The optimizer, and whether its constructor looks at values."""
    with torch.device("cpu"):  # what an optimizer makes for itself is there, even for parameters on `meta`
        try:
            return build_optimizer(cfg, model, unmatched), False
        except RayPoseError:
            raise
        except Exception:
            return build_optimizer(cfg, copy_on("cpu", model), unmatched), True


def prove_schedule(shop: Workshop, cfg: Mapping[str, Any], training: Training, model: nn.Module) -> None:
    """Raises Failed where the schedule can't be built for the optimizer."""

    def build() -> None:
        optimizer = built(cfg, model)
        build_schedule(training.lr_schedule, optimizer, training.epochs, STEPS_PER_EPOCH)

    shop.once("schedule", (dict(cfg), training.lr_schedule, training.epochs), build)
