"""Cross-entropy over the pixels of a heatmap."""

from __future__ import annotations

import math

from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from raypose.arguments import checked
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class SpatialCrossEntropyLoss(KeypointLoss):
    """Each heatmap is a distribution over its pixels: cross-entropy of its softmax with the target, scaled to sum 1.

    The head's output is logits; `activate` makes heatmaps of them.

    Args:
        use_target_weight: leave keypoints of weight 0 out.
        loss_weight: factor of the result.
        beta: factor of the logits. A sharp peak needs large ones, which an optimizer whose steps are bounded (Adam's
            are) takes long to reach; at 1 short trainings barely start.
        target_sigma: of the codec's gaussians, in heatmap pixels; the builder fills it in. It only scales `activate`.
    """

    @checked
    def __init__(
        self,
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
        beta: PositiveFloat = 10.0,
        target_sigma: PositiveFloat = 2.0,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.beta = beta
        self.target_sigma = target_sigma

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        target = target.flatten(2)
        target = target / target.sum(-1, keepdim=True).clamp(min=1e-6)
        return -(target * (self.beta * output.flatten(2)).log_softmax(-1)).sum(-1)

    def activate(self, output: Tensor) -> Tensor:
        """Heatmaps [N,K,h,w] of logits: a softmax, scaled so that a perfect prediction's peak is about 1, as the
        target's is, and scores are comparable with other losses'."""
        mass = max(1.0, 2 * math.pi * self.target_sigma**2)
        return (self.beta * output.flatten(2)).softmax(-1).view_as(output) * mass
