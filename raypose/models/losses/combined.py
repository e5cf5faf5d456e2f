"""Loss of UDP's combined target: a heatmap, and around the keypoint the offsets to it."""

from __future__ import annotations

from torch import Tensor

from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class CombinedTargetMSELoss(KeypointLoss):
    """Half the sum of the mean squared errors of the heatmap and of both offset maps, of the latter where the target's
    heatmap, a disc around the keypoint, is above 0 (Huang et al. 2020, "UDP", arXiv:1911.07524).

    Output and target are [N,K,3,h,w]: heatmap, x offset, y offset.
    """

    accepts = ("combined",)

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        error = output - target
        heatmap, offsets = error[:, :, 0], error[:, :, 1:] * target[:, :, :1]
        return 0.5 * (heatmap.square().mean((-2, -1)) + offsets.square().mean((-2, -1)).sum(-1))
