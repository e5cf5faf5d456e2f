"""Coordinates from one linear layer.

Toshev and Szegedy 2014, "DeepPose", arXiv:1312.4659; Li et al. 2021, "Human Pose Regression with Residual
Log-likelihood Estimation" (RLE), arXiv:2107.11291.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from raypose.arguments import checked
from raypose.models.heads.base import Head, Linear, vector
from raypose.registry import HEADS


@HEADS.register_module(["DeepposeRegressionHead", "RegressionHead"])
class DeepposeRegressionHead(Head):
    """The mean over the feature map's pixels, then a linear layer (MMPose 1.x: RegressionHead).

    Args:
        in_channels: of the feature map.
        num_keypoints: to give.
        codec, loss_keypoint: built.

    Example:
        >>> DeepposeRegressionHead(in_channels=512, num_keypoints=17)(torch.zeros(1, 512, 8, 6)).shape
        torch.Size([1, 17, 2])
    """

    output = "coordinates"
    values = 2  # a keypoint

    @checked
    def __init__(
        self,
        in_channels: PositiveInt,
        num_keypoints: PositiveInt,
        codec: Any = None,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__(codec, loss_keypoint)
        self.fc = Linear(in_channels, num_keypoints * self.values)

    def forward(self, x: Tensor) -> Tensor:
        """Coordinates [N,K,2], as fractions of the input size, from a map [N,C,H,W] or vectors [N,C]."""
        return self.fc(vector(self, x)).unflatten(1, (-1, self.values))


@HEADS.register_module()
class RLEHead(DeepposeRegressionHead):
    """A `DeepposeRegressionHead` that also says how sure it is of each coordinate.

    Args:
        Others: as `DeepposeRegressionHead` has them.

    Example:
        >>> RLEHead(in_channels=512, num_keypoints=17)(torch.zeros(1, 512, 8, 6)).shape
        torch.Size([1, 17, 4])
    """

    output = "rle"
    values = 4

    def forward(self, x: Tensor) -> Tensor:
        """[N,K,4]: coordinates as fractions of the input size and their sigmas in 0..1, from what its base takes."""
        coordinates, sigmas = super().forward(x).split(2, -1)
        return torch.cat((coordinates, sigmas.sigmoid()), -1)
