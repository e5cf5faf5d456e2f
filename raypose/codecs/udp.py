"""Heatmaps with the corners of image and heatmap on each other (Huang et al. 2020, "UDP", arXiv:1911.07524)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.blur import blur, blur_size
from raypose.codecs.dark import dark
from raypose.codecs.geometry import rescale_corners
from raypose.codecs.heatmap import HeatmapCodec
from raypose.codecs.peaks import highest, values_at
from raypose.registry import CODECS


@CODECS.register_module()
class UDPHeatmap(HeatmapCodec):
    """Gaussians of peak 1 on exact centres, or discs of 1 with the offsets from each of their pixels to the keypoint.

    Sizes are distances between the centres of the first and the last pixel: the scale is (size - 1) / (heatmap - 1), and a
    mirrored image has mirrored targets. Gaussians are decoded as in `MSRAHeatmap`; of discs, the offset is read where the
    blurred disc is highest.

    Args:
        input_size: width and height of the model's input, in pixels.
        heatmap_type: gaussian, or combined: disc, x offset and y offset, divided by the radius.
        sigma: of the gaussians, in heatmap pixels.
        blur_kernel_size: width of the blur before gaussians are read, in heatmap pixels, odd; 1 is no blur. By default it
            matches `sigma`: 11 for 2. Discs take a blur of twice that, plus 1.
        radius_factor: the discs' radius as a fraction of the heatmap's longer side, but at least one pixel.

    Raises:
        RayPoseError: an even `blur_kernel_size`.

    Example:
        >>> codec = UDPHeatmap((192, 256), heatmap_type="combined")
        >>> targets, weights = codec.encode(keypoints, visible, (17, 3, 64, 48))
        >>> keypoints, scores = codec.decode(targets)
    """

    output: str | tuple[str, ...] = ("heatmap", "combined")

    @checked
    def __init__(
        self,
        input_size: Size,
        heatmap_type: Literal["gaussian", "combined"] = "gaussian",
        sigma: PositiveFloat = 2.0,
        blur_kernel_size: PositiveInt | None = None,
        radius_factor: PositiveFloat = 0.0546875,
    ) -> None:
        self.input_size = input_size
        self.heatmap_type = heatmap_type
        self.output = "combined" if heatmap_type == "combined" else "heatmap"
        self.maps = 3 if heatmap_type == "combined" else 1
        self.sigma = sigma
        self.blur_kernel_size = blur_size(blur_kernel_size, sigma)
        self.radius_factor = radius_factor

    def centers(self, keypoints: Tensor, size: tuple[int, int]) -> Tensor:
        return rescale_corners(keypoints, self.input_size, size)

    def maps_around(self, centers: Tensor, weights: Tensor, size: tuple[int, int]) -> Tensor:
        """[N,K,h,w], or [N,K,3,h,w] of discs."""
        if self.heatmap_type == "combined":
            return self._discs(centers, *size) * weights[..., None, None]
        return super().maps_around(centers, weights, size)

    def decode(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K], the heights of the peaks, from [N,K,h,w] or [N,K,3,h,w]."""
        maps = output.float()
        height, width = maps.shape[-2:]
        if self.heatmap_type == "combined":
            points, scores = self._read_discs(maps)
        else:
            x, y, scores = highest(maps)
            points = dark(maps, x, y, self.blur_kernel_size)
        return rescale_corners(points, (width, height), self.input_size), scores

    def _discs(self, centers: Tensor, width: int, height: int) -> Tensor:
        radius = self._radius(width, height)
        grid = torch.arange(max(width, height), dtype=centers.dtype, device=centers.device)
        x = ((centers[..., 0, None] - grid[:width]) / radius).unsqueeze(-2).expand(-1, -1, height, -1)
        y = ((centers[..., 1, None] - grid[:height]) / radius).unsqueeze(-1).expand(-1, -1, -1, width)
        disc = x**2 + y**2 <= 1
        return torch.stack((torch.ones_like(x), x, y), 2) * disc.unsqueeze(2)

    def _read_discs(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        discs, offsets_x, offsets_y = maps.unbind(2)
        x, y, _ = highest(blur(discs, 2 * self.blur_kernel_size + 1))
        offset = torch.stack((values_at(offsets_x, x, y), values_at(offsets_y, x, y)), -1)
        points = torch.stack((x, y), -1) + offset * self._radius(maps.shape[-1], maps.shape[-2])
        return points, values_at(discs, x, y)

    def _radius(self, width: int, height: int) -> float:
        return max(1.0, self.radius_factor * max(width, height))
