"""Mean squared error of the hardest keypoints alone."""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from raypose.arguments import checked
from raypose.models.losses.mse import JointsMSELoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class JointsOHKMMSELoss(JointsMSELoss):
    """Online hard keypoint mining (Chen et al. 2018, "Cascaded Pyramid Network", arXiv:1711.07319).

    Args:
        use_target_weight: leave keypoints of weight 0 out.
        topk: how many keypoints of each instance count, those of the largest loss.
        loss_weight: factor of the result.
    """

    @checked
    def __init__(
        self, use_target_weight: bool = True, topk: PositiveInt = 8, loss_weight: NonNegativeFloat = 1.0
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.topk = topk

    def mean(self, output: Tensor, target: Tensor, target_weight: Tensor | None = None) -> Tensor:
        """Over the hardest keypoints, from heatmaps [N,K,h,w] and target_weight [N,K,1]."""
        values = self.per_keypoint(output, target)
        weight = self.weights(target_weight).get("weight", torch.ones_like(values))
        values, index = (values * weight).topk(min(self.topk, values.shape[1]), dim=1)
        return values.sum() / weight.gather(1, index).sum().clamp(min=1e-6)
