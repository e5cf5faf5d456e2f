"""Focal loss of heatmaps."""

from __future__ import annotations

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from raypose.arguments import checked
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class FocalHeatmapLoss(KeypointLoss):
    """Each pixel is or is not the keypoint: a logarithmic loss that counts sure pixels less, and dark ones near the
    keypoint less (Law & Deng 2018, "CornerNet", arXiv:1808.01244, equation 1; Zhou et al. 2019, "CenterNet",
    arXiv:1904.07850, equation 1).

    The head's output is logits; `activate` makes probabilities of them. The keypoint is the highest pixel of its
    target: the papers' is the one of height 1, which a gaussian whose centre lies between pixels does not have. What
    lies below a heatmap pixel is hardly learnt, since the pixels around the highest one count little.

    Args:
        alpha: exponent that makes sure pixels count less; 0 for not at all.
        beta: exponent that makes pixels near the keypoint count less, by how bright the target is.
        use_target_weight: leave keypoints of weight 0 out.
        loss_weight: factor of the result.
        prior: the probability of a logit of 0, which is what heads start from; at 0.5 the many pixels without a
            keypoint drown the first steps. CornerNet puts it into the bias of its head.
    """

    @checked
    def __init__(
        self,
        alpha: NonNegativeFloat = 2.0,
        beta: NonNegativeFloat = 4.0,
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
        prior: Annotated[float, Field(gt=0, lt=1)] = 0.1,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.alpha, self.beta = alpha, beta
        self.shift = math.log(prior / (1 - prior))

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        logits, target = output.flatten(2) + self.shift, target.flatten(2)
        # Logarithms of the probability and of its complement: neither rounds to log 0.
        yes, no = F.logsigmoid(logits), F.logsigmoid(-logits)
        peak = target.amax(-1, keepdim=True)
        positive = (target == peak) & (peak > 0)
        hit = torch.exp(self.alpha * no) * yes
        miss = (1 - target).clamp(min=0) ** self.beta * torch.exp(self.alpha * yes) * no
        return -torch.where(positive, hit, miss).sum(-1)

    def activate(self, output: Tensor) -> Tensor:
        """Heatmaps [N,K,h,w] of logits: the probability of each pixel."""
        return torch.sigmoid(output + self.shift)
