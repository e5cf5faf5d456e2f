"""One set of heatmaps a stage, each trained, the last one used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from raypose.models.heads.deconv import deconv_layers, init_small, layers_to_heatmap
from raypose.models.ports import Maps
from raypose.registry import HEADS


@HEADS.register_module()
class TopdownHeatmapMultiStageHead(nn.Module):
    """A heatmap head for each stage of a stacked network; on any other backbone, a `HeatmapHead`.

    Args:
        in_channels, in_stride: of a stage's last feature map.
        num_keypoints: heatmaps to give a stage.
        num_stages: of the backbone.
        num_deconv_layers, num_deconv_filters, num_deconv_kernels: as `HeatmapHead` has them, for each stage.
        codec, loss_keypoint: built.
    """

    output = "heatmap"
    multi_stage = True

    def __init__(
        self,
        in_channels: int,
        num_keypoints: int,
        num_stages: int = 1,
        num_deconv_layers: Literal[0, 1, 2, 3] | None = None,
        num_deconv_filters: int | Sequence[int] = 256,
        num_deconv_kernels: int | Sequence[int] = 4,
        in_stride: int = 32,
        codec: Any = None,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__()
        count = layers_to_heatmap(in_stride) if num_deconv_layers is None else num_deconv_layers
        stages = [deconv_layers(in_channels, count, num_deconv_filters, num_deconv_kernels) for _ in range(num_stages)]
        self.multi_deconv_layers = nn.ModuleList(layers for layers, _ in stages)
        self.multi_final_layers = nn.ModuleList(nn.Conv2d(channels, num_keypoints, 1) for _, channels in stages)
        self.codec = codec
        self.loss_keypoint = loss_keypoint

    def forward(self, stages: tuple[Maps, ...]) -> list[Tensor]:
        """Heatmaps [N,K,h,w] of each stage, from the stages' maps."""
        parts = zip(stages, self.multi_deconv_layers, self.multi_final_layers, strict=True)
        return [final(deconv(maps[-1])) for maps, deconv, final in parts]

    def init_weights(self) -> None:
        """Small random weights."""
        init_small(self)
