"""Losses of coordinates."""

from __future__ import annotations

import torch.nn.functional as F
from pydantic import NonNegativeFloat
from torch import Tensor

from raypose.arguments import checked
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class L1Loss(KeypointLoss):
    """The mean over keypoints of the absolute error of x and y, in fractions of the input size."""

    accepts = ("coordinates",)

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs().mean(-1)


@LOSSES.register_module()
class MSELoss(KeypointLoss):
    """The mean over keypoints of the squared error of x and y, in fractions of the input size."""

    accepts = ("coordinates",)

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().mean(-1)


@LOSSES.register_module()
class SmoothL1Loss(KeypointLoss):
    """`L1Loss`, squared below `beta` (Girshick 2015, "Fast R-CNN", arXiv:1504.08083, equation 3).

    Args:
        use_target_weight: leave keypoints of weight 0 out.
        loss_weight: factor of the result.
        beta: in fractions of the input size, 0 for `L1Loss`; MMPose's is 1, at which the loss is a squared error everywhere.
    """

    accepts = ("coordinates",)

    @checked
    def __init__(
        self, use_target_weight: bool = True, loss_weight: NonNegativeFloat = 1.0, beta: NonNegativeFloat = 0.05
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.beta = beta

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(output, target, reduction="none", beta=self.beta).mean(-1)
