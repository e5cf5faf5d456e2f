"""ResNet (He et al. 2015, arXiv:1512.03385): torchvision's modules, under the names that MMPose gives them too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torchvision
from torch import Tensor, nn

from raypose.models.backbones.stages import STRIDES, check_out_indices, pick
from raypose.models.ports import Port
from raypose.models.pretrained import load_pretrained
from raypose.registry import BACKBONES

# The channels of the four stages.
BASIC, BOTTLENECK = (64, 128, 256, 512), (256, 512, 1024, 2048)
CHANNELS = {18: BASIC, 34: BASIC, 50: BOTTLENECK, 101: BOTTLENECK, 152: BOTTLENECK}


@BACKBONES.register_module()
class ResNet(nn.Module):
    """Four stages of residual blocks, of stride 4, 8, 16 and 32; those above the last one asked for are left out.

    Args:
        depth: layers, counted as in the paper.
        out_indices: which stages' feature maps to give, 0 to 3.

    Example:
        >>> [tuple(f.shape) for f in ResNet(18, out_indices=(2, 3))(torch.zeros(1, 3, 64, 64))]
        [(1, 256, 4, 4), (1, 512, 2, 2)]
    """

    def __init__(self, depth: Literal[18, 34, 50, 101, 152] = 50, out_indices: Sequence[int] = (3,)) -> None:
        super().__init__()
        channels = pick(CHANNELS, depth, "depth")
        self.depth = depth
        self.out_indices = check_out_indices(out_indices)
        self.out = tuple(Port(channels[i], STRIDES[i]) for i in self.out_indices)
        net = torchvision.models.get_model(f"resnet{depth}", weights=None)
        self.conv1, self.bn1, self.relu, self.maxpool = net.conv1, net.bn1, net.relu, net.maxpool
        self.stages = [f"layer{i + 1}" for i in range(self.out_indices[-1] + 1)]
        for name in self.stages:
            self.add_module(name, getattr(net, name))

    def forward(self, img: Tensor) -> tuple[Tensor, ...]:
        """One map [N,C,H/stride,W/stride] for each of `out_indices`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(img))))
        maps = []
        for i, name in enumerate(self.stages):
            x = getattr(self, name)(x)
            if i in self.out_indices:
                maps.append(x)
        return tuple(maps)

    def init_weights(self, pretrained: str | None = None) -> None:
        """Load `pretrained` weights: a path, a torchvision or timm name of the same depth, or `imagenet`."""
        if pretrained is not None:
            load_pretrained(self, pretrained, imagenet=f"ResNet{self.depth}_Weights.DEFAULT")
