"""Gaussian heatmaps, read by their highest pixel (Xiao et al. 2018, "Simple Baselines", arXiv:1804.06208)."""

from __future__ import annotations

import torch
from torch import Tensor

from raypose.codecs.geometry import keypoint_weights, rescale
from raypose.registry import CODECS


@CODECS.register_module()
class MSRAHeatmap:
    """One gaussian of peak 1 a keypoint; decoded as the highest pixel, a quarter pixel towards its higher neighbour.

    MSRA's code rounds each gaussian's centre to a whole heatmap pixel, which throws up to half a pixel away (two input
    pixels at stride 4). Here the centre is exact; `unbiased=False` rounds as theirs does. A heatmap pixel stands for
    the square of input pixels that it covers, so that the heatmap of a mirrored image is the mirrored heatmap, and
    averaging the two needs no shift.

    Args:
        input_size: width and height of the model's input, in pixels.
        sigma: of the gaussians, in heatmap pixels.
        unbiased: keep the part of a centre that is below one pixel.

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
        shift_x = _towards_higher(flat, peak, (x > 0) & (x < width - 1), 1)
        shift_y = _towards_higher(flat, peak, (y > 0) & (y < height - 1), width)
        points = torch.stack((x + shift_x, y + shift_y), -1)
        return rescale(points, (width, height), self.input_size), scores

    def _bell(self, centers: Tensor, length: int) -> Tensor:
        grid = torch.arange(length, dtype=centers.dtype, device=centers.device)
        return torch.exp(-((grid - centers.unsqueeze(-1)) ** 2) / (2 * self.sigma**2))


def _towards_higher(flat: Tensor, peak: Tensor, has_both: Tensor, step: int) -> Tensor:
    """A quarter pixel towards the higher one of a peak's two neighbours, `step` to either side; 0 at a border."""
    last = flat.shape[-1] - 1
    before = flat.gather(-1, (peak - step).clamp(min=0).unsqueeze(-1)).squeeze(-1)
    after = flat.gather(-1, (peak + step).clamp(max=last).unsqueeze(-1)).squeeze(-1)
    return 0.25 * torch.sign(after - before) * has_both
