"""Adaptive wing loss of heatmaps."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from raypose.arguments import checked
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class AdaptiveWingLoss(KeypointLoss):
    """Like a logarithm near zero on bright pixels, near a squared error on dark ones (Wang et al. 2019,
    arXiv:1904.07399, equations 3 and 4).

    Args:
        alpha: above 2; exponent `alpha - target` near zero.
        omega: height of the logarithmic part.
        epsilon: width of the logarithmic part.
        theta: the error at which the straight part begins.
        use_target_weight: leave keypoints of weight 0 out.
        loss_weight: factor of the result.
    """

    @checked
    def __init__(
        self,
        alpha: Annotated[float, Field(gt=2)] = 2.1,
        omega: PositiveFloat = 14.0,
        epsilon: PositiveFloat = 1.0,
        theta: PositiveFloat = 0.5,
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.alpha, self.omega, self.epsilon, self.theta = alpha, omega, epsilon, theta

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        error, power = (target - output).abs(), self.alpha - target
        knee = (self.theta / self.epsilon) ** power
        near = self.omega * torch.log1p((error / self.epsilon) ** power)
        # The straight part meets the curve at theta with the same value and slope.
        slope = self.omega * power * knee / (self.theta * (1 + knee))
        far = slope * (error - self.theta) + self.omega * torch.log1p(knee)
        return torch.where(error < self.theta, near, far).flatten(2).mean(-1)
