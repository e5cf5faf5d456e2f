"""The layers that hourglasses are made of, with the names that they have in MMPose."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock


class Pointwise(nn.Conv2d):
    """A 1x1 convolution that drops pixels first, where others step over them.

    oneDNN's kernel for 1x1 with a stride writes past its memory in the backward pass where a channels-last input has
    fewer channels than a vector register (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """

    def __init__(self, in_channels: int, out_channels: int, step: int) -> None:
        super().__init__(in_channels, out_channels, 1, bias=False)
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, :, :: self.step, :: self.step])


def conv_layer(in_channels: int, out_channels: int, kernel: int, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """A convolution that keeps the size (but for the stride), a normalisation, perhaps a ReLU."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False),
        bn=nn.BatchNorm2d(out_channels),
    )
    if relu:
        layers["activate"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


def residual_blocks(in_channels: int, out_channels: int, count: int = 1, stride: int = 1) -> nn.Sequential:
    """`count` residual blocks, of which the first changes channels and size."""
    blocks = []
    for i in range(count):
        first, step = (in_channels, stride) if i == 0 else (out_channels, 1)
        adapt = None
        if step != 1 or first != out_channels:
            adapt = nn.Sequential(Pointwise(first, out_channels, step), nn.BatchNorm2d(out_channels))
        blocks.append(BasicBlock(first, out_channels, step, adapt))
    return nn.Sequential(*blocks)
