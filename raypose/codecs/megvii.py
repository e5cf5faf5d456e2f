"""Blurred single pixels, as Megvii's cascaded pyramid network has them (Chen et al. 2018, arXiv:1711.07319)."""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.blur import bell, kernel_sigma, match, odd
from raypose.codecs.geometry import rescale
from raypose.codecs.heatmap import HeatmapCodec
from raypose.codecs.peaks import highest, quarter_pixel, values_at
from raypose.registry import CODECS


@CODECS.register_module()
class MegviiHeatmap(HeatmapCodec):
    """The heatmap pixel that a keypoint lies in, blurred, with peak 1; decoded as the highest pixel after another blur
    and a quarter pixel towards its higher neighbours.

    Peaks are 1 and not Megvii's 255, so that losses and learning rates are those of the other heatmaps; and what is cut
    off at a border is not folded back, which would make a border the peak. Pixels are squares of input pixels as in
    `MSRAHeatmap`.

    Args:
        input_size: width and height of the model's input, in pixels.
        kernel_size: of both blurs, in heatmap pixels, odd. Their `sigma` follows from it: 2 for 11.

    Raises:
        RayPoseError: an even `kernel_size`.

    Example:
        >>> codec = MegviiHeatmap((192, 256))
        >>> targets, weights = codec.encode(keypoints, visible, (17, 64, 48))
        >>> keypoints, scores = codec.decode(targets)
    """

    @checked
    def __init__(self, input_size: Size, kernel_size: PositiveInt = 11) -> None:
        self.input_size = input_size
        self.kernel_size = odd("kernel_size", kernel_size)
        self.sigma = kernel_sigma(kernel_size)

    def centers(self, keypoints: Tensor, size: tuple[int, int]) -> Tensor:
        return super().centers(keypoints, size).round()

    def decode(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K], the heights of the peaks, from heatmaps [N,K,h,w]."""
        heatmaps = output.float()
        blurred = match(heatmaps, self.kernel_size)
        x, y, _ = highest(blurred)
        points = rescale(quarter_pixel(blurred, x, y), (heatmaps.shape[-1], heatmaps.shape[-2]), self.input_size)
        return points, values_at(heatmaps, x, y)

    def profile(self, centers: Tensor, length: int) -> Tensor:
        grid = torch.arange(length, dtype=centers.dtype, device=centers.device)
        distance = (grid - centers.unsqueeze(-1)).abs()
        return bell(distance, self.sigma) * (distance <= self.kernel_size // 2)
