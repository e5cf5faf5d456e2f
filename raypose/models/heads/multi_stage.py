"""One set of heatmaps a stage, each trained, the last one used."""

from __future__ import annotations

from typing import Any

from pydantic import PositiveInt
from torch import Tensor, nn

from raypose.arguments import checked
from raypose.errors import RayPoseError
from raypose.models.heads.base import Head, feature_map, takes_arguments_of
from raypose.models.heads.heatmap import HeatmapHead, a_keypoint
from raypose.models.ports import Maps
from raypose.registry import HEADS


@HEADS.register_module()
class TopdownHeatmapMultiStageHead(Head):
    """A `HeatmapHead` for each stage of a stacked network; on any other backbone, there is one.

    Args:
        num_stages: of the backbone.
        codec, loss_keypoint: built.
        Others: as `HeatmapHead` has them, for each stage's last feature map.

    Raises:
        RayPoseError: no stage, or another number than the backbone has.
    """

    output = ("heatmap", "combined")
    multi_stage = True

    @takes_arguments_of(HeatmapHead)
    @checked
    def __init__(
        self, *args: Any, num_stages: PositiveInt = 1, loss_keypoint: nn.Module | None = None, **kwargs: Any
    ) -> None:
        stages = [HeatmapHead(*args, **kwargs) for _ in range(num_stages)]
        super().__init__(stages[0].codec, loss_keypoint)
        self.maps = stages[0].maps
        self.multi_deconv_layers = nn.ModuleList(stage.deconv_layers for stage in stages)
        self.multi_final_layers = nn.ModuleList(stage.final_layer for stage in stages)

    def forward(self, stages: tuple[Maps, ...]) -> list[Tensor]:
        """Heatmaps [N,K,h,w], or [N,K,3,h,w], of each stage, from the stages' maps."""
        if len(stages) != len(self.multi_final_layers):
            message = f"num_stages is {len(self.multi_final_layers)}, but the backbone has {len(stages)}"
            raise RayPoseError(message, hint="leave it out", rule="wrong-value")
        parts = zip(stages, self.multi_deconv_layers, self.multi_final_layers, strict=True)
        return [a_keypoint(final(deconv(feature_map(self, maps[-1]))), self.maps) for maps, deconv, final in parts]
