"""MobileNetV3 (Howard et al. 2019, arXiv:1905.02244), torchvision's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torchvision
from torch import Tensor, nn

from raypose.models.backbones.stages import STRIDES, check_out_indices, pick
from raypose.models.ports import Port
from raypose.models.pretrained import load_pretrained
from raypose.registry import BACKBONES


class Arch(NamedTuple):
    """Where the maps of stride 4, 8, 16 and 32 end in torchvision's `features`, and their channels."""

    ends: tuple[int, ...]
    channels: tuple[int, ...]


ARCHS = {
    "small": Arch((1, 3, 8, 12), (16, 24, 48, 576)),
    "large": Arch((3, 6, 12, 16), (24, 40, 112, 960)),
}


@BACKBONES.register_module()
class MobileNetV3(nn.Module):
    """Depthwise blocks of stride 4, 8, 16 and 32; those above the last one asked for are left out.

    The modules and their names (`features.N`) are torchvision's, not MMPose's, so torchvision's weights fit.

    Args:
        arch: the paper's small or large network.
        out_indices: which feature maps to give, 0 (stride 4) to 3 (stride 32).
    """

    def __init__(self, arch: Literal["small", "large"] = "small", out_indices: Sequence[int] = (3,)) -> None:
        super().__init__()
        ends, channels = pick(ARCHS, arch, "arch")
        self.arch = arch
        indices = check_out_indices(out_indices)
        self.out = tuple(Port(channels[i], STRIDES[i]) for i in indices)
        self.ends = {ends[i] for i in indices}
        features = torchvision.models.get_model(f"mobilenet_v3_{arch}", weights=None).features
        self.features = features[: max(self.ends) + 1]
        for module in self.features.modules():
            if isinstance(module, nn.BatchNorm2d):
                # torchvision's 0.01 is for long trainings: after 200 steps the statistics would still be wrong.
                module.momentum = 0.1

    def forward(self, img: Tensor) -> tuple[Tensor, ...]:
        """One map [N,C,H/stride,W/stride] for each of `out_indices`."""
        x, maps = img, []
        for i, block in enumerate(self.features):
            x = block(x)
            if i in self.ends:
                maps.append(x)
        return tuple(maps)

    def init_weights(self, pretrained: str | None = None) -> None:
        """Load `pretrained` weights: a path, a torchvision name of the same arch, or `imagenet`."""
        if pretrained is not None:
            load_pretrained(self, pretrained, imagenet=f"MobileNet_V3_{self.arch.title()}_Weights.DEFAULT")
