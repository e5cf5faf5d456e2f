"""RTMPose's head: SimCC's bins from keypoints that attend to each other (Jiang et al. 2023, arXiv:2303.07399)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from pydantic import PositiveInt, TypeAdapter, ValidationError
from torch import Tensor, nn

from raypose.arguments import Size, checked, problems
from raypose.errors import Problem, RayPoseError, nearest
from raypose.models.heads.base import Linear, feature_map
from raypose.models.heads.gau import GatedAttentionUnit, GAUConfig, ScaleNorm
from raypose.models.heads.simcc import SimCCBase
from raypose.registry import HEADS


@HEADS.register_module()
class RTMCCHead(SimCCBase):
    """A convolution to one map a keypoint, each of which becomes a token; a gated attention unit; the bins of x and y.

    Args:
        in_channels: of the feature map.
        num_keypoints: tokens.
        input_size: width and height of the model's input, in pixels.
        in_featuremap_size: width and height of the feature map.
        codec: built; its `simcc_split_ratio` says how many bins a pixel has.
        final_layer_kernel_size: of the convolution.
        gau_cfg: those arguments of the unit, `GAUConfig`, that are not its defaults.
        loss_keypoint: built.

    Raises:
        RayPoseError: an unknown key or a wrong value in `gau_cfg`; a codec without bins; vectors instead of a map.

    Example:
        >>> head = RTMCCHead(768, 17, (192, 256), in_featuremap_size=(6, 8), codec=SimCCLabel((192, 256)))
        >>> [logits.shape for logits in head(torch.zeros(1, 768, 8, 6))]
        [torch.Size([1, 17, 384]), torch.Size([1, 17, 512])]
    """

    @checked
    def __init__(
        self,
        in_channels: PositiveInt,
        num_keypoints: PositiveInt,
        input_size: Size,
        in_featuremap_size: Size | None,
        codec: Any,
        final_layer_kernel_size: Literal[1, 3, 5, 7, 9] = 7,
        gau_cfg: dict[str, Any] | None = None,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__(input_size, in_featuremap_size, codec, loss_keypoint)
        gau = read_gau_cfg(gau_cfg or {})
        pixels, kernel = self.in_featuremap_size[0] * self.in_featuremap_size[1], final_layer_kernel_size
        self.final_layer = nn.Conv2d(in_channels, num_keypoints, kernel, padding=kernel // 2)
        self.mlp = nn.Sequential(ScaleNorm(pixels), nn.Linear(pixels, gau.hidden_dims, bias=False))
        self.gau = GatedAttentionUnit(num_keypoints, gau)
        self.cls_x = Linear(gau.hidden_dims, self.bins_x, bias=False)
        self.cls_y = Linear(gau.hidden_dims, self.bins_y, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits along x [N,K,Lx] and along y [N,K,Ly] from a map [N,C,H,W] of the size that it was built for."""
        maps = self.final_layer(feature_map(self, x, self.in_featuremap_size))
        tokens = self.gau(self.mlp(maps.flatten(2)))
        return self.cls_x(tokens), self.cls_y(tokens)


def read_gau_cfg(cfg: Mapping[str, Any]) -> GAUConfig:
    """The arguments that a configuration gives.

    Raises:
        RayPoseError: keys that the unit does not have and values out of bounds, all of them at once.

    Example:
        >>> read_gau_cfg({"hidden_dims": 128}).s
        128
    """
    known = [each.name for each in fields(GAUConfig)]
    unknown = [key for key in cfg if key not in known]
    found = [
        Problem(f"gau_cfg has no key '{key}'", hint=nearest(key, known), rule="unknown-argument") for key in unknown
    ]
    try:
        gau = TypeAdapter(GAUConfig).validate_python(dict(cfg))
    except ValidationError as error:
        found += problems(error, "gau_cfg")
    if found:
        raise RayPoseError(found)
    return gau
