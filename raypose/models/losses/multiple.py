"""A weighted sum of losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.kinds import taken
from raypose.registry import LOSSES


@LOSSES.register_module()
class MultipleLossWrapper(nn.Module):
    """The sum of `losses`, each times its own `loss_weight`. Of an output with several parts, each loss takes the part
    that it accepts.

    Args:
        losses: in a configuration, components; built ones here.
        kind: of the head's output; the builder fills it in.

    Raises:
        RayPoseError: no losses, or some that read the output in different ways: as heatmaps and as their logits.

    Example:
        >>> MultipleLossWrapper([L1Loss(), BoneLoss(joint_parents=[0, 0, 1], loss_weight=0.5)])
    """

    def __init__(self, losses: Sequence[nn.Module], kind: str | None = None) -> None:
        super().__init__()
        if not losses:
            raise RayPoseError("MultipleLossWrapper needs at least one loss", rule="wrong-value")
        self.losses = nn.ModuleList(losses)
        self.kind = kind
        readings = [getattr(loss, "activate", None) for loss in losses]
        names = {getattr(each, "__func__", each) for each in readings}
        if len(names) > 1:
            both = " and ".join(type(loss).__name__ for loss in losses)
            raise RayPoseError(
                f"{both} can't be summed: some take heatmaps, some what a softmax or sigmoid turns into heatmaps",
                rule="kind-mismatch",
            )
        if readings[0] is not None:
            self.activate = readings[0]

    def forward(self, output: Any, target: Any, target_weight: Tensor | None = None) -> Tensor:
        """A scalar, from output, target and target_weight [N,K,1]."""
        parts = [(taken(loss, self.kind, output), taken(loss, self.kind, target)) for loss in self.losses]
        each = [loss(*part, target_weight) for loss, part in zip(self.losses, parts, strict=True)]
        return torch.stack(each).sum()
