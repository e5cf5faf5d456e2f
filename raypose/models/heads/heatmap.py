"""One heatmap a keypoint, from the last feature map (Xiao et al. 2018, "Simple Baselines", arXiv:1804.06208)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from raypose.models.heads.deconv import deconv_layers, init_small, layers_to_heatmap
from raypose.registry import HEADS


@HEADS.register_module()
class HeatmapHead(nn.Module):
    """Deconvolutions, which double the map each, then one convolution (MMPose 0.x: TopdownHeatmapSimpleHead).

    Args:
        in_channels, in_stride: of the feature map.
        num_keypoints: heatmaps to give.
        num_deconv_layers: default: as many as give heatmaps of stride 4, 3 for a ResNet and none for an hourglass.
        num_deconv_filters: channels of the deconvolutions, one number for all or one a layer.
        num_deconv_kernels: their kernel sizes, likewise; 2, 3 or 4.
        codec, loss_keypoint: built.

    Example:
        >>> HeatmapHead(in_channels=512, num_keypoints=17)(torch.zeros(1, 512, 8, 6)).shape
        torch.Size([1, 17, 64, 48])
    """

    output = "heatmap"

    def __init__(
        self,
        in_channels: int,
        num_keypoints: int,
        num_deconv_layers: Literal[0, 1, 2, 3] | None = None,
        num_deconv_filters: int | Sequence[int] = 256,
        num_deconv_kernels: int | Sequence[int] = 4,
        in_stride: int = 32,
        codec: Any = None,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__()
        count = layers_to_heatmap(in_stride) if num_deconv_layers is None else num_deconv_layers
        self.deconv_layers, channels = deconv_layers(in_channels, count, num_deconv_filters, num_deconv_kernels)
        self.final_layer = nn.Conv2d(channels, num_keypoints, 1)
        self.codec = codec
        self.loss_keypoint = loss_keypoint

    def forward(self, x: Tensor) -> Tensor:
        """Heatmaps [N,K,h,w] from a map [N,C,H,W]."""
        return self.final_layer(self.deconv_layers(x))

    def init_weights(self) -> None:
        """Small random weights."""
        init_small(self)
