"""Mean squared error of heatmaps."""

from __future__ import annotations

from torch import Tensor

from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class JointsMSELoss(KeypointLoss):
    """The mean over keypoints of each heatmap's mean squared error (Xiao et al. 2018, arXiv:1804.06208).

    Keypoints that are not visible are left out of the mean; MMPose counts them as zeros.
    """

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().flatten(2).mean(-1)
