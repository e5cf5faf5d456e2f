"""Gaussian heatmaps, read by their highest pixel (Xiao et al. 2018, "Simple Baselines", arXiv:1804.06208)."""

from __future__ import annotations

import torch
from torch import Tensor

from raypose.codecs.geometry import keypoint_weights, rescale
from raypose.registry import CODECS


@CODECS.register_module()
class MSRAHeatmap:
    """One gaussian of peak 1 a keypoint; decoded as the highest pixel and a part of a pixel towards its neighbours.

    MSRA's code rounds each gaussian's centre to a whole heatmap pixel, which throws up to half a pixel away (two input
    pixels at stride 4), and reads a quarter pixel towards the higher neighbour; so does `unbiased=False`. Else the
    centre is exact, and is read where the parabola through the logarithms of three pixels has its top, which for a
    gaussian is exact again (after Zhang et al. 2020, "DARK", arXiv:1910.06278, along each axis). A heatmap pixel stands
    for the square of input pixels that it covers, so that the heatmap of a mirrored image is the mirrored heatmap, and
    averaging the two needs no shift.

    Args:
        input_size: width and height of the model's input, in pixels.
        sigma: of the gaussians, in heatmap pixels.
        unbiased: keep and read the part of a centre that is below one pixel.

    Example:
        >>> codec = MSRAHeatmap((192, 256))
        >>> targets, weights = codec.encode(keypoints, visible, (17, 64, 48))
        >>> keypoints, scores = codec.decode(targets)
    """

    output = "heatmap"

    def __init__(self, input_size: tuple[int, int], sigma: float = 2.0, unbiased: bool = True) -> None:
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.sigma = sigma
        self.unbiased = unbiased

    def encode(self, keypoints: Tensor, visible: Tensor, output_shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Targets [N,K,h,w] and weights [N,K,1]; what is not visible or outside has weight 0 and an empty map.

        Args:
            keypoints: [N,K,2] in input pixels.
            visible: [N,K], labelled where above 0.
            output_shape: (..., h, w) of the head's output.
        """
        height, width = output_shape[-2:]
        weights = keypoint_weights(keypoints, visible, self.input_size)
        centers = rescale(keypoints, self.input_size, (width, height))
        if not self.unbiased:
            centers = centers.round()
        centers = torch.where(weights > 0, centers, torch.zeros_like(centers))
        columns = self._bell(centers[..., 0], width)
        rows = self._bell(centers[..., 1], height) * weights
        return rows.unsqueeze(-1) * columns.unsqueeze(-2), weights

    def decode(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K], the heights of the peaks, from heatmaps [N,K,h,w]."""
        heatmaps = output.float()
        height, width = heatmaps.shape[-2:]
        flat = heatmaps.flatten(2)
        scores, peak = flat.max(-1)
        x, y = peak % width, peak.div(width, rounding_mode="floor")
        part = _top_of_parabola if self.unbiased else _quarter_pixel
        shift_x = part(*_three(flat, peak, 1)) * ((x > 0) & (x < width - 1))
        shift_y = part(*_three(flat, peak, width)) * ((y > 0) & (y < height - 1))
        points = torch.stack((x + shift_x, y + shift_y), -1)
        return rescale(points, (width, height), self.input_size), scores

    def _bell(self, centers: Tensor, length: int) -> Tensor:
        grid = torch.arange(length, dtype=centers.dtype, device=centers.device)
        return torch.exp(-((grid - centers.unsqueeze(-1)) ** 2) / (2 * self.sigma**2))


def _three(flat: Tensor, peak: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """The values before a peak, at it, and after it, `step` to either side."""
    last = flat.shape[-1] - 1
    before, at, after = (
        flat.gather(-1, (peak + offset).clamp(0, last).unsqueeze(-1)).squeeze(-1) for offset in (-step, 0, step)
    )
    return before, at, after


def _quarter_pixel(before: Tensor, at: Tensor, after: Tensor) -> Tensor:
    return 0.25 * torch.sign(after - before)


def _top_of_parabola(before: Tensor, at: Tensor, after: Tensor) -> Tensor:
    floor = at.clamp(min=1e-12) * 1e-4
    before, at, after = (torch.log(torch.maximum(value, floor)) for value in (before, at, after))
    bend = (2 * at - before - after).clamp(min=1e-6)
    return ((after - before) / (2 * bend)).clamp(-0.5, 0.5)
