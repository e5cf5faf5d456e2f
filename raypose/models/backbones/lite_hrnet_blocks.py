"""The blocks of Lite-HRNet (arXiv:2104.06403), with the names that they have in MMPose."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raypose.models.backbones.blocks import conv_layer


def depthwise(channels: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution of each channel by itself, and a normalisation."""
    conv = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(channels)))


def separable(in_channels: int, out_channels: int, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each with a normalisation, perhaps a ReLU."""
    layers = [*depthwise(in_channels, stride), *conv_layer(in_channels, out_channels, 1, relu=relu)]
    return nn.Sequential(*layers)


def shuffle(first: Tensor, second: Tensor) -> Tensor:
    """The channels of two maps, taken in turn."""
    return torch.stack((first, second), 2).flatten(1, 2)


class Stem(nn.Module):
    """Two strided steps to stride 4; the second on two halves of the channels, which are shuffled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = conv_layer(3, channels, 3, stride=2)
        self.branch1 = nn.Sequential(depthwise(half, stride=2), conv_layer(half, half, 1))
        self.expand_conv = conv_layer(half, channels, 1)
        self.depthwise_conv = depthwise(channels, stride=2)
        self.linear_conv = conv_layer(channels, half, 1)

    def forward(self, img: Tensor) -> Tensor:
        first, second = self.conv1(img).chunk(2, 1)
        return shuffle(self.branch1(first), self.linear_conv(self.depthwise_conv(self.expand_conv(second))))


class CrossResolutionWeighting(nn.Module):
    """Weights for every channel and place of every map, from all maps at the smallest one's size."""

    def __init__(self, channels: Sequence[int], ratio: int = 8) -> None:
        super().__init__()
        self.channels = list(channels)
        total = sum(channels)
        self.conv1 = conv_layer(total, total // ratio, 1)
        self.conv2 = conv_layer(total // ratio, total, 1, relu=False)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        height, width = maps[-1].shape[2:]
        pooled = torch.cat([*(F.adaptive_avg_pool2d(x, (height, width)) for x in maps[:-1]), maps[-1]], 1)
        weights = self.conv2(self.conv1(pooled)).sigmoid().split(self.channels, 1)
        return [x * F.interpolate(w, size=x.shape[2:]) for x, w in zip(maps, weights, strict=True)]


class SpatialWeighting(nn.Module):
    """A weight for every channel, from the means of all of them (squeeze and excitation)."""

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__()
        squeezed = channels // ratio
        self.conv1 = nn.Sequential(OrderedDict(conv=nn.Conv2d(channels, squeezed, 1), activate=nn.ReLU()))
        self.conv2 = nn.Sequential(OrderedDict(conv=nn.Conv2d(squeezed, channels, 1), activate=nn.Sigmoid()))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv2(self.conv1(x.mean((2, 3), keepdim=True)))


class ConditionalChannelWeighting(nn.Module):
    """A shuffle block whose pointwise convolutions are weights that all resolutions agree on."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        halves = [each // 2 for each in channels]
        self.cross_resolution_weighting = CrossResolutionWeighting(halves)
        self.depthwise_convs = nn.ModuleList(depthwise(each) for each in halves)
        self.spatial_weighting = nn.ModuleList(SpatialWeighting(each) for each in halves)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        kept, changed = zip(*(x.chunk(2, 1) for x in maps), strict=True)
        steps = zip(self.cross_resolution_weighting(changed), self.depthwise_convs, self.spatial_weighting, strict=True)
        return [shuffle(x, weight(conv(y))) for x, (y, conv, weight) in zip(kept, steps, strict=True)]
