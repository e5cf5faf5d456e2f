"""Feature maps chosen, joined and rescaled (MMPose 1.x)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import PositiveFloat
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.registry import NECKS


@NECKS.register_module()
class FeatureMapProcessor(nn.Module):
    """Selects, concatenates, rectifies and rescales maps, in this order.

    Args:
        select_index: maps to keep, in this order, counted from 0, or from the end if negative; all by default.
        concat: make them one map, of the size of the first of them.
        scale_factor: of the maps' size.
        apply_relu: set negative values to zero.
        align_corners: of the bilinear interpolation: corner pixels' centres stay in the corners.

    Example:
        >>> maps = torch.zeros(1, 64, 16, 16), torch.zeros(1, 128, 8, 8)
        >>> FeatureMapProcessor(concat=True, scale_factor=2)(maps)[0].shape
        torch.Size([1, 192, 32, 32])
    """

    def __init__(
        self,
        select_index: int | Sequence[int] | None = None,
        concat: bool = False,
        scale_factor: PositiveFloat = 1.0,
        apply_relu: bool = False,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.select_index = [select_index] if isinstance(select_index, int) else select_index
        if self.select_index is not None and not self.select_index:
            raise RayPoseError("select_index names at least one map, but got none", rule="wrong-value")
        if not scale_factor > 0:
            raise RayPoseError(f"scale_factor > 0 must hold, but got {scale_factor}", rule="wrong-value")
        self.concat = concat
        self.scale_factor = float(scale_factor)
        self.apply_relu = apply_relu
        self.align_corners = align_corners

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps [N,C,h,w]: one with `concat`, else as many as are selected."""
        maps = self._select(maps)
        if self.concat:
            size = maps[0].shape[2:]
            maps = [torch.cat([x if x.shape[2:] == size else self._resize(x, size=size) for x in maps], 1)]
        if self.apply_relu:
            maps = [x.relu() for x in maps]
        if self.scale_factor != 1:
            for x in maps:
                if min(x.shape[2:]) * self.scale_factor < 1:
                    raise RayPoseError(
                        f"nothing is left of a map of {x.shape[3]}x{x.shape[2]} with scale_factor {self.scale_factor}",
                        rule="neck-input",
                    )
            maps = [self._resize(x, scale_factor=self.scale_factor) for x in maps]
        return tuple(maps)

    def _select(self, maps: Sequence[Tensor]) -> Sequence[Tensor]:
        if self.select_index is None:
            return maps
        for i in self.select_index:
            if not -len(maps) <= i < len(maps):
                raise RayPoseError(f"select_index is one of 0 to {len(maps) - 1}, but got {i}", rule="neck-input")
        return [maps[i] for i in self.select_index]

    def _resize(self, x: Tensor, **to: Any) -> Tensor:
        return F.interpolate(x, **to, mode="bilinear", align_corners=self.align_corners)
