"""Coordinates as the mean of a heatmap (Sun et al. 2018, "Integral Human Pose Regression", arXiv:1711.08229)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

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

    def __init__(
        self,
        in_channels: int,
        num_keypoints: int,
        num_deconv_layers: Literal[0, 1, 2, 3] | None = None,
        num_deconv_filters: int | Sequence[int] = 256,
        num_deconv_kernels: int | Sequence[int] = 4,
        beta: float = 10.0,
        in_stride: int = 32,
        codec: Any = None,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            num_keypoints,
            num_deconv_layers,
            num_deconv_filters,
            num_deconv_kernels,
            in_stride,
            codec,
            loss_keypoint,
        )
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        """Coordinates [N,K,2], as fractions of the input size, from a map [N,C,H,W]."""
        heatmaps = super().forward(x).float()
        height, width = heatmaps.shape[-2:]
        mass = (self.beta * heatmaps.flatten(2)).softmax(-1).view_as(heatmaps)
        return torch.stack((_mean_position(mass.sum(-2), width), _mean_position(mass.sum(-1), height)), -1)


def _mean_position(mass: Tensor, length: int) -> Tensor:
    """The mean of the pixels' centres, as fractions of the length, under a distribution [..., length]."""
    centers = (torch.arange(length, dtype=mass.dtype, device=mass.device) + 0.5) / length
    return (mass * centers).sum(-1)
