"""Stacked hourglasses (Newell et al. 2016, arXiv:1603.06937), of residual blocks as in CornerNet and MMPose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch.nn.functional as F
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from raypose.errors import RayPoseError
from raypose.models.backbones.blocks import conv_layer, residual_blocks
from raypose.models.backbones.depths import unit_depths
from raypose.models.ports import Port
from raypose.models.pretrained import load_pretrained
from raypose.registry import BACKBONES

# MMPose's widths: 256, 256, 384, 384, 384, 512 channels from the top level down.
PROPORTIONS = (1.0, 1.0, 1.5, 1.5, 1.5, 2.0)


@BACKBONES.register_module()
class HourglassNet(nn.Module):
    """U-shaped networks, each of which refines what the one before it found; gives one stage a stack.

    The defaults are MMPose's network. One that learns on a CPU in seconds:
    `HourglassNet(num_stacks=1, downsample_times=3, feat_channel=24, growth=1.6, stage_blocks=1)`.

    Args:
        downsample_times: levels below the top one; each halves the map.
        num_stacks: hourglasses in a row.
        stage_channels: channels of each level, the top one first; default: `feat_channel` in MMPose's proportions.
        stage_blocks: residual blocks of each level, or one number for all; default: 2, and 4 at the bottom.
        feat_channel: channels of the top level and of the feature maps that come out.
        growth: where given, each level has this many times the channels of the one above.
        stem_stride: of the feature maps that come out.
    """

    multi_stage = True

    def __init__(
        self,
        downsample_times: PositiveInt = 5,
        num_stacks: PositiveInt = 2,
        stage_channels: Sequence[PositiveInt] | None = None,
        stage_blocks: PositiveInt | Sequence[PositiveInt] | None = None,
        feat_channel: PositiveInt = 256,
        growth: PositiveFloat | None = None,
        stem_stride: Literal[2, 4] = 4,
    ) -> None:
        super().__init__()
        numbers = {"downsample_times": downsample_times, "num_stacks": num_stacks, "feat_channel": feat_channel}
        for name, value in numbers.items():
            if value < 1:
                raise RayPoseError(f"{name} >= 1 must hold, but got {value}", rule="hourglass")
        channels = _channels(stage_channels, downsample_times, feat_channel, growth)
        blocks = _blocks(stage_blocks, downsample_times)
        width = channels[0]
        if width < 2 or min(channels) < 1:  # the stem has half of the top level's
            raise RayPoseError(
                f"levels have a channel or more, the top one two, but these have {channels}",
                hint="raise feat_channel, stage_channels or growth",
                rule="hourglass",
            )
        self.num_stages = num_stacks
        self.out = (Port(feat_channel, stem_stride),)
        self.stem = nn.Sequential(
            conv_layer(3, width // 2, 7, stride=2), residual_blocks(width // 2, width, stride=stem_stride // 2)
        )
        self.hourglass_modules = nn.ModuleList(Hourglass(channels, blocks) for _ in range(num_stacks))
        self.out_convs = nn.ModuleList(conv_layer(width, feat_channel, 3) for _ in range(num_stacks))
        between = range(num_stacks - 1)
        self.conv1x1s = nn.ModuleList(conv_layer(width, width, 1, relu=False) for _ in between)
        self.remap_convs = nn.ModuleList(conv_layer(feat_channel, width, 1, relu=False) for _ in between)
        self.inters = residual_blocks(width, width, num_stacks - 1)

    def forward(self, img: Tensor) -> tuple[tuple[Tensor], ...]:
        """One stage a stack, each a tuple of one map [N, feat_channel, H / stem_stride, W / stem_stride]."""
        x = self.stem(img)
        stages = []
        for i, (hourglass, out_conv) in enumerate(zip(self.hourglass_modules, self.out_convs, strict=True)):
            stages.append((out_conv(hourglass(x)),))
            if i < len(self.inters):
                x = self.inters[i](F.relu(self.conv1x1s[i](x) + self.remap_convs[i](stages[-1][0])))
        return tuple(stages)

    def layer_depths(self, stage_wise: bool) -> dict[str, int]:
        """The depth of each parameter: 0 is the stem; a residual block or, stage-wise, a stack each."""
        stacks = range(len(self.hourglass_modules))
        return unit_depths([[("stem", self.stem)], *(list(self._blocks_of(i)) for i in stacks)], stage_wise)

    def _blocks_of(self, stack: int) -> Iterator[tuple[str, nn.Module]]:
        for name, module in self.hourglass_modules[stack].named_modules():
            if isinstance(module, BasicBlock):
                yield f"hourglass_modules.{stack}.{name}", module
        for name in ("out_convs", "conv1x1s", "remap_convs", "inters"):
            after = getattr(self, name)
            if stack < len(after):
                yield f"{name}.{stack}", after[stack]

    def init_weights(self, pretrained: str | None = None) -> None:
        """Load the weights of a checkpoint; there are no ImageNet weights."""
        if pretrained is not None:
            load_pretrained(self, pretrained)


class Hourglass(nn.Module):
    """Down to half the size, on through the levels below, up again, and added to the way across."""

    def __init__(self, channels: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        here, below = channels[:2]
        self.up1 = residual_blocks(here, here, blocks[0])
        self.low1 = residual_blocks(here, below, blocks[0], stride=2)
        bottom = len(channels) == 2
        self.low2 = residual_blocks(below, below, blocks[1]) if bottom else Hourglass(channels[1:], blocks[1:])
        self.low3 = nn.Sequential(*residual_blocks(below, below, blocks[0] - 1), *residual_blocks(below, here))

    def forward(self, x: Tensor) -> Tensor:
        across = self.up1(x)
        # Odd sizes come back one pixel larger than they went down, so the size is said, not the factor.
        return across + F.interpolate(self.low3(self.low2(self.low1(x))), size=across.shape[2:])


def _channels(given: Sequence[int] | None, levels: int, width: int, growth: float | None) -> list[int]:
    if given is not None:
        if len(given) != levels + 1 or growth is not None:
            raise RayPoseError(
                f"stage_channels takes downsample_times + 1 = {levels + 1} numbers, without growth, but got {given}",
                rule="hourglass",
            )
        return list(given)
    if growth is not None:
        return [round(width * growth**level) for level in range(levels + 1)]
    return [round(width * PROPORTIONS[min(level, len(PROPORTIONS) - 1)]) for level in range(levels + 1)]


def _blocks(given: int | Sequence[int] | None, levels: int) -> list[int]:
    if given is None:
        return [2] * levels + [4]
    blocks = [given] * (levels + 1) if isinstance(given, int) else list(given)
    if len(blocks) != levels + 1 or min(blocks) < 1:
        raise RayPoseError(
            f"stage_blocks takes downsample_times + 1 = {levels + 1} numbers >= 1, but got {given}", rule="hourglass"
        )
    return blocks
