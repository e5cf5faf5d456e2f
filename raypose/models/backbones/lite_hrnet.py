"""Lite-HRNet (Yu et al. 2021, arXiv:2104.06403)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from raypose.models.backbones.depths import unit_depths
from raypose.models.backbones.lite_hrnet_blocks import Stem, separable
from raypose.models.backbones.lite_hrnet_fusion import IterativeHead, LiteHRModule
from raypose.models.backbones.stages import STRIDES, check_out_indices, pick
from raypose.models.ports import Port
from raypose.models.pretrained import load_pretrained
from raypose.registry import BACKBONES

# Modules of the three stages, by depth.
MODULES = {18: (2, 4, 2), 30: (3, 8, 3)}
BLOCKS = 2  # of a module
STEM, CHANNELS = 32, (40, 80, 160, 320)  # of the stem, and of the maps


@BACKBONES.register_module()
class LiteHRNet(nn.Module):
    """A map of stride 4 all the way, beside which maps of stride 8, 16 and 32 are added, one a stage.

    The modules and their names are MMPose's, so that its weights fit; what no map of `out_indices` needs is left out.
    The finest map doubles with every module, to about 3e4 at depth 30, which is near the end of fp16, but not of bf16.
    The published 205.2 M and 319.2 M at 256x192 count the operations of biases, normalisations, ReLUs and pooling too,
    in units of 2^20; the multiply-adds alone are 198.6 and 309.5 million.

    Args:
        depth: layers, counted as in the paper.
        out_indices: which feature maps to give, 0 (stride 4) to 3 (stride 32).
        with_head: refine the maps, from the coarsest to the finest; they then have 40, 40, 80 and 160 channels,
            otherwise 40, 80, 160 and 320.

    Example:
        >>> [tuple(f.shape) for f in LiteHRNet(18)(torch.zeros(2, 3, 64, 64))]
        [(2, 40, 16, 16)]
    """

    size_divisor = 32  # of which the images' width and height are multiples

    def __init__(self, depth: Literal[18, 30] = 18, out_indices: Sequence[int] = (0,), with_head: bool = True) -> None:
        super().__init__()
        self.modules_of_stages = pick(MODULES, depth, "depth")
        indices = check_out_indices(out_indices)
        # The head passes every map on to the next finer one.
        maps: Sequence[int] = range(indices[0], len(CHANNELS)) if with_head else indices
        self.picked = [list(maps).index(i) for i in indices]
        channels = (CHANNELS[0], *CHANNELS[:-1]) if with_head else CHANNELS
        self.out = tuple(Port(channels[i], STRIDES[i]) for i in indices)

        self.stem = Stem(STEM)
        for stage, count in enumerate(self.modules_of_stages):
            outputs: list[Sequence[int]] = [range(stage + 2)] * count
            if stage == len(self.modules_of_stages) - 1:
                outputs[-1] = maps
            modules = (LiteHRModule(CHANNELS[: stage + 2], BLOCKS, each) for each in outputs)
            self.add_module(f"transition{stage}", _transition(stage))
            self.add_module(f"stage{stage}", nn.Sequential(*modules))
        self.head_layer = IterativeHead([CHANNELS[i] for i in maps], channels[maps[0]]) if with_head else nn.Identity()

    def forward(self, img: Tensor) -> tuple[Tensor, ...]:
        """One map [N,C,H/stride,W/stride] for each of `out_indices`; H and W are multiples of 32."""
        maps = [self.stem(img)]
        for stage in range(len(self.modules_of_stages)):
            transition = getattr(self, f"transition{stage}")
            sources = enumerate([*maps, maps[-1]])
            maps = [transition[str(i)](x) if str(i) in transition else x for i, x in sources]
            maps = getattr(self, f"stage{stage}")(maps)
        maps = self.head_layer(maps)
        return tuple(maps[i] for i in self.picked)

    def init_weights(self, pretrained: str | None = None) -> None:
        """Small random weights, as published (torch's own train far slower), or those of a checkpoint."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.001)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if pretrained is not None:
            load_pretrained(self, pretrained)

    def layer_depths(self, stage_wise: bool) -> dict[str, int]:
        """The depth of each parameter; a layer is a transition, or a module of two blocks and their exchange."""
        stages: list[list[tuple[str, nn.Module]]] = [[("stem", self.stem)]]
        for i in range(len(self.modules_of_stages)):
            transition, stage = f"transition{i}", f"stage{i}"
            modules = getattr(self, stage).named_children()
            stages.append([(transition, getattr(self, transition)), *((f"{stage}.{j}", each) for j, each in modules)])
        return unit_depths([*stages, [("head_layer", self.head_layer)]], stage_wise)


def _transition(stage: int) -> nn.ModuleDict:
    """What the maps of one stage go through before the next: the last one becomes a coarser one too."""
    if stage == 0:
        coarser = separable(STEM, CHANNELS[1], stride=2)
        return nn.ModuleDict({"0": separable(STEM, CHANNELS[0]), "1": nn.Sequential(coarser)})
    coarser = separable(CHANNELS[stage], CHANNELS[stage + 1], stride=2)
    return nn.ModuleDict({str(stage + 1): nn.Sequential(coarser)})
