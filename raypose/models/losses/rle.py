"""Residual log-likelihood estimation: coordinates whose errors' distribution is learnt with them."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from raypose.arguments import checked
from raypose.models.losses.base import KeypointLoss
from raypose.models.losses.flow import RealNVP
from raypose.registry import LOSSES

# Negative logarithms of the densities of one coordinate's error, in units of its sigma.
DENSITIES = {
    "laplace": lambda error: math.log(2) + error.abs(),
    "gaussian": lambda error: 0.5 * math.log(2 * math.pi) + 0.5 * error.square(),
}
SMALLEST_SIGMA = 1e-4  # of the input size: a fiftieth of a pixel at 192
LARGEST_ERROR = 1e6  # in sigmas; the flow squares it, and so does a gradient's norm


@LOSSES.register_module()
class RLELoss(KeypointLoss):
    """The negative log-likelihood of the target under a density around the output: a fixed one times one that a flow,
    whose weights are this loss's and are trained along, learns (Li et al. 2021, "RLE", arXiv:2107.11291, without the
    constant s that makes the product a density). MMPose and the paper's code count the flow and the logarithm of sigma
    twice; here they count once, as in the paper.

    Output is [N,K,4], coordinates and their sigmas in fractions of the input size; target is [N,K,2].

    Args:
        use_target_weight: leave keypoints of weight 0 out.
        size_average: the mean over keypoints; False for their sum.
        residual: False lets the flow alone be the density.
        q_distribution: the fixed density.
        loss_weight: factor of the result.
    """

    accepts = ("rle",)

    @checked
    def __init__(
        self,
        use_target_weight: bool = True,
        size_average: bool = True,
        residual: bool = True,
        q_distribution: Literal["laplace", "gaussian"] = "laplace",
        loss_weight: NonNegativeFloat = 1.0,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.size_average, self.residual, self.q_distribution = size_average, residual, q_distribution
        self.flow_model = RealNVP()

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        # A density ratio of a few per cent is the whole signal: half precision would round it away.
        with _single_precision(output.device):
            sigma = output[..., 2:] + SMALLEST_SIGMA
            error = (output[..., :2] - target) / sigma
            loss = sigma.log().sum(-1) - self.flow_model.log_prob(error.clamp(-LARGEST_ERROR, LARGEST_ERROR))
            return loss + DENSITIES[self.q_distribution](error).sum(-1) if self.residual else loss

    def weights(self, target_weight: Tensor | None) -> dict[str, Any]:
        found = super().weights(target_weight)
        if self.size_average:
            return found
        return {"weight": found.get("weight"), "reduction": "sum"}


def _single_precision(device: torch.device) -> AbstractContextManager:
    known = torch.amp.is_autocast_available(device.type)  # `meta` has no autocast
    return torch.autocast(device.type, enabled=False) if known else nullcontext()
