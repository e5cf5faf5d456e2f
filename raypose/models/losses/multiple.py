"""A weighted sum of losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.kinds import taken
from raypose.models.outputs import map_parts
from raypose.registry import LOSSES


@LOSSES.register_module()
class MultipleLossWrapper(nn.Module):
    """The sum of `losses`, each times its own `loss_weight`. Of an output with several parts, each loss takes the part
    that it accepts.

    Args:
        losses: in a configuration, components; built ones here.
        kind: of the head's output; the builder fills it in.

    Raises:
        RayPoseError: no losses, or some that read the output in different ways, such as heatmaps and their logits.

    Example:
        >>> MultipleLossWrapper([L1Loss(), BoneLoss(joint_parents=[0, 0, 1], loss_weight=0.5)])
    """

    def __init__(self, losses: Sequence[nn.Module], kind: str | None = None) -> None:
        super().__init__()
        if not losses:
            raise RayPoseError("MultipleLossWrapper needs at least one loss", rule="wrong-value")
        self.losses = nn.ModuleList(losses)
        self.kind = kind
        first, *others = losses
        for other in others:
            if not _read_alike(first, other, kind):
                raise RayPoseError(
                    f"{type(first).__name__} and {type(other).__name__} can't be summed: they read the head's output in "
                    "different ways, one through another softmax, sigmoid or factor than the other",
                    rule="reading-mismatch",
                )
        if hasattr(first, "activate"):
            self.activate = first.activate

    def forward(self, output: Any, target: Any, target_weight: Tensor | None = None) -> Tensor:
        """A scalar, from output, target and target_weight [N,K,1]."""
        parts = [(taken(loss, self.kind, output), taken(loss, self.kind, target)) for loss in self.losses]
        each = [loss(*part, target_weight) for loss, part in zip(self.losses, parts, strict=True)]
        return torch.stack(each).sum()


def summands(loss: nn.Module) -> list[nn.Module]:
    """All losses that a loss is the sum of, down to those that are no sums; itself if it is none."""
    if not isinstance(loss, MultipleLossWrapper):
        return [loss]
    return [each for part in loss.losses for each in summands(part)]


def _read_alike(one: Any, other: Any, kind: str | None) -> bool:
    """Whether what two losses make of the same output, for the codec to read, is the same."""
    values = torch.linspace(-1, 1, 16, device="cpu")
    probe = (values.view(1, 1, 16),) * 2 if kind == "simcc" else values.view(1, 1, 4, 4)
    same = map_parts(torch.allclose, *(_activated(each, probe) for each in (one, other)))
    return all(same) if isinstance(same, tuple) else same


def _activated(loss: Any, output: Any) -> Any:
    return loss.activate(output) if hasattr(loss, "activate") else output
