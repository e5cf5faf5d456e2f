"""Where the resolutions of Lite-HRNet (arXiv:2104.06403) meet, with the names that the parts have in MMPose."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from raypose.models.backbones.blocks import conv_layer
from raypose.models.backbones.lite_hrnet_blocks import ConditionalChannelWeighting, depthwise, separable


class Fusion(nn.ModuleDict):
    """All maps brought to the channels and size of one of them, and added, the finest one twice.

    Args:
        channels: of the maps, the finest first; each has half the size of the one before.
        to: index of the map that they are brought to.
    """

    def __init__(self, channels: Sequence[int], to: int) -> None:
        super().__init__({str(i): _path(channels, i, to) for i in range(len(channels)) if i != to})

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        parts = [self[str(i)](x) if str(i) in self else x for i, x in enumerate(maps)]
        # Twice, since the published code takes the first as the start of the sum, and so do the published weights.
        return sum(parts, start=parts[0])


class LiteHRModule(nn.Module):
    """Conditional channel weighting, then an exchange between the resolutions.

    Args:
        channels: of the maps, the finest first; each has half the size of the one before.
        num_blocks: of conditional channel weighting.
        outputs: indices of the maps to give.
    """

    def __init__(self, channels: Sequence[int], num_blocks: int, outputs: Sequence[int]) -> None:
        super().__init__()
        self.outputs = tuple(outputs)
        self.layers = nn.Sequential(*(ConditionalChannelWeighting(channels) for _ in range(num_blocks)))
        self.fuse_layers = nn.ModuleDict({str(i): Fusion(channels, i) for i in sorted({0, *outputs})})
        self.relu = nn.ReLU()

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        maps = self.layers(maps)
        # The published code adds in place, so that the other sums see the finest map as the first sum left it.
        finest = self.fuse_layers["0"](maps)
        maps = [finest, *maps[1:]]
        return [self.relu(self.fuse_layers[str(i)](maps) if i else finest) for i in self.outputs]


class IterativeHead(nn.Module):
    """From the coarsest map on, each map is refined and added to the next finer one.

    Args:
        channels: of the maps, the finest first.
        finest: channels of the map that the finest one becomes; the others get those of the next finer one.
    """

    def __init__(self, channels: Sequence[int], finest: int) -> None:
        super().__init__()
        widths = [finest, *channels]
        self.projects = nn.ModuleList(
            nn.Sequential(OrderedDict(depthwise_conv=depthwise(here), pointwise_conv=conv_layer(here, to, 1)))
            for here, to in zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        refined: list[Tensor] = []
        for x, project in zip(reversed(maps), self.projects, strict=True):
            if refined:
                x = x + F.interpolate(refined[-1], size=x.shape[2:], mode="bilinear", align_corners=True)
            refined.append(project(x))
        return refined[::-1]


def _path(channels: Sequence[int], here: int, to: int) -> nn.Sequential:
    """The layers that bring one map to the channels and size of another."""
    if here > to:
        up = nn.Upsample(scale_factor=2 ** (here - to))
        return nn.Sequential(*conv_layer(channels[here], channels[to], 1, relu=False), up)
    steps = [separable(channels[here], channels[here], stride=2) for _ in range(to - here - 1)]
    return nn.Sequential(*steps, separable(channels[here], channels[to], stride=2, relu=False))
