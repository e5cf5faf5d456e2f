"""Coordinates as the mean of a heatmap.

Sun et al. 2018, "Integral Human Pose Regression", arXiv:1711.08229; Nibali et al. 2018, "Numerical Coordinate
Regression with Convolutional Neural Networks" (DSNT), arXiv:1801.07372.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import PositiveFloat
from torch import Tensor

from raypose.arguments import checked
from raypose.models.heads.base import takes_arguments_of
from raypose.models.heads.heatmap import HeatmapHead
from raypose.registry import HEADS


@HEADS.register_module()
class IntegralRegressionHead(HeatmapHead):
    """A `HeatmapHead` whose heatmaps are read by a soft-argmax: the mean position under their softmax.

    Args:
        beta: factor of the heatmaps before the softmax; the paper's 1 takes far more steps to form a peak.
        Others: as `HeatmapHead` has them.

    Example:
        >>> IntegralRegressionHead(in_channels=512, num_keypoints=17)(torch.zeros(1, 512, 8, 6)).shape
        torch.Size([1, 17, 2])
    """

    output = "coordinates"

    @takes_arguments_of(HeatmapHead)
    @checked
    def __init__(self, *args: Any, beta: PositiveFloat = 10.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        """Coordinates [N,K,2], as fractions of the input size, from a map [N,C,H,W]."""
        return mean_positions(self.density(x))

    def density(self, x: Tensor) -> Tensor:
        """The softmax [N,K,h,w] of the heatmaps of a map [N,C,H,W]; each sums to 1."""
        heatmaps = super().forward(x).float()
        return (self.beta * heatmaps.flatten(2)).softmax(-1).view_as(heatmaps)


@HEADS.register_module()
class DSNTHead(IntegralRegressionHead):
    """An `IntegralRegressionHead` that also gives the heatmaps that it reads, for a loss that shapes them.

    Args:
        Others: as `IntegralRegressionHead` has them.

    Example:
        >>> coordinates, density = DSNTHead(in_channels=512, num_keypoints=17)(torch.zeros(1, 512, 8, 6))
        >>> coordinates.shape, density.shape
        (torch.Size([1, 17, 2]), torch.Size([1, 17, 64, 48]))
    """

    output = "coordinates+density"

    def forward(self, x: Tensor) -> Any:
        """Coordinates [N,K,2], as fractions of the input size, and their density [N,K,h,w], from a map [N,C,H,W]."""
        density = self.density(x)
        return mean_positions(density), density


def mean_positions(density: Tensor) -> Tensor:
    """The mean positions [N,K,2], as fractions of width and height, under distributions [N,K,h,w]."""
    return torch.stack([_mean_position(density.sum(dim)) for dim in (-2, -1)], -1)


def _mean_position(mass: Tensor) -> Tensor:
    """The mean of the pixels' centres, as fractions of the length, under distributions [..., length]."""
    length = mass.shape[-1]
    return (mass * ((torch.arange(length, dtype=mass.dtype, device=mass.device) + 0.5) / length)).sum(-1)
