"""Feature pyramid network (Lin et al. 2016, arXiv:1612.03144), torchvision's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.registry import NECKS


@NECKS.register_module()
class FPN(nn.Module):
    """Brings all maps to the same channels, and adds each one, doubled in size, to the next finer one.

    As in mmdet, the finest map comes first. A head takes the last map, so that only the finest one is given unless
    `num_outs` says otherwise; mmdet asks for at least as many as come in, and a head that takes several names them in
    `in_ports`. Give the backbone all its `out_indices`, or there is nothing to add up.

    Args:
        in_channels: of the maps, the finest first.
        out_channels: of every map that is given.
        num_outs: maps to give; those beyond the ones that come in are the coarsest one, subsampled.

    Example:
        >>> maps = torch.zeros(1, 64, 16, 16), torch.zeros(1, 128, 8, 8)
        >>> [tuple(f.shape) for f in FPN([64, 128], 256)(maps)]
        [(1, 256, 16, 16)]
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int = 256, num_outs: int = 1) -> None:
        super().__init__()
        for name, value in (("out_channels", out_channels), ("num_outs", num_outs)):
            if value < 1:
                raise RayPoseError(f"{name} >= 1 must hold, but got {value}", rule="wrong-value")
        self.num_outs = num_outs
        self.fpn = torchvision.ops.FeaturePyramidNetwork(list(in_channels), out_channels)
        for i in range(num_outs, len(in_channels)):
            self.fpn.layer_blocks[i] = nn.Identity()  # nobody would train it

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps [N,out_channels,h,w], as large as the ones that come in, the finest first."""
        wanted = len(self.fpn.inner_blocks)
        if len(maps) != wanted:
            raise RayPoseError(f"FPN has in_channels of {wanted} maps, but got {len(maps)} maps", rule="neck-input")
        outs = list(self.fpn(OrderedDict((str(i), x) for i, x in enumerate(maps))).values())[: self.num_outs]
        while len(outs) < self.num_outs:
            outs.append(F.max_pool2d(outs[-1], 1, stride=2))
        return tuple(outs)
