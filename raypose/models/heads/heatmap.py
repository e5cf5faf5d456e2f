"""One heatmap a keypoint, from the last feature map (Xiao et al. 2018, "Simple Baselines", arXiv:1804.06208)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import PositiveInt
from torch import Tensor, nn

from raypose.arguments import checked
from raypose.models.heads.base import Head, feature_map
from raypose.models.heads.deconv import Kernel, deconv_layers, layers_to_heatmap
from raypose.registry import HEADS


@HEADS.register_module(["HeatmapHead", "TopdownHeatmapSimpleHead"])
class HeatmapHead(Head):
    """Deconvolutions, which double the map each, then one convolution (MMPose 0.x: TopdownHeatmapSimpleHead).

    With a codec of 3 maps a keypoint, these are a heatmap and two maps of offsets (UDP's combined target).

    Args:
        in_channels, in_stride: of the feature map.
        num_keypoints: heatmaps to give.
        num_deconv_layers: default: as many as give heatmaps of stride 4, 3 for a ResNet and none for an hourglass.
        num_deconv_filters: channels of the deconvolutions, one number for all or one a layer.
        num_deconv_kernels: their kernel sizes, likewise; 2, 3 or 4.
        final_conv_kernel: of the last convolution; 3 where nothing was deconvolved, as in ViTPose's simple decoder.
        codec, loss_keypoint: built.

    Example:
        >>> HeatmapHead(in_channels=512, num_keypoints=17)(torch.zeros(1, 512, 8, 6)).shape
        torch.Size([1, 17, 64, 48])
    """

    output: str | tuple[str, ...] = ("heatmap", "combined")

    @checked
    def __init__(
        self,
        in_channels: PositiveInt,
        num_keypoints: PositiveInt,
        num_deconv_layers: Literal[0, 1, 2, 3] | None = None,
        num_deconv_filters: PositiveInt | Sequence[PositiveInt] = 256,
        num_deconv_kernels: Kernel | Sequence[Kernel] = 4,
        final_conv_kernel: Literal[1, 3] = 1,
        in_stride: PositiveInt = 32,
        codec: Any = None,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__(codec, loss_keypoint)
        count = layers_to_heatmap(in_stride) if num_deconv_layers is None else num_deconv_layers
        self.deconv_layers, channels = deconv_layers(in_channels, count, num_deconv_filters, num_deconv_kernels)
        self.maps = getattr(codec, "maps", 1)
        padding = final_conv_kernel // 2
        self.final_layer = nn.Conv2d(channels, num_keypoints * self.maps, final_conv_kernel, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        """Heatmaps [N,K,h,w] from a map [N,C,H,W]; [N,K,3,h,w] with a codec of 3 maps a keypoint."""
        return a_keypoint(self.final_layer(self.deconv_layers(feature_map(self, x))), self.maps)


def a_keypoint(x: Tensor, maps: int) -> Tensor:
    """[N, K x maps, h, w] as [N,K,maps,h,w], or as it is where there is one map a keypoint."""
    return x if maps == 1 else x.unflatten(1, (-1, maps))
