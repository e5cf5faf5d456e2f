"""Coordinates as the means of heatmaps."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import PositiveFloat
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.density import mass_near
from raypose.codecs.geometry import constant
from raypose.codecs.msra import MSRAHeatmap
from raypose.codecs.regression import RegressionLabel
from raypose.registry import CODECS


@CODECS.register_module()
class IntegralRegressionLabel:
    """Coordinates as in `RegressionLabel`, of heads that integrate a heatmap (Sun et al. 2018, arXiv:1711.08229); with
    the heatmap, a density, its target is a gaussian that sums to 1 (Nibali et al. 2018, "DSNT", arXiv:1801.07372).

    Args:
        input_size: width and height of the model's input, in pixels.
        sigma: of the gaussians, in heatmap pixels.

    Example:
        >>> IntegralRegressionLabel((192, 256)).decode(torch.tensor([[[0.5, 0.5]]]))[0]
        tensor([[[ 95.5000, 127.5000]]])
    """

    output = ("coordinates", "coordinates+density")

    @checked
    def __init__(self, input_size: Size, sigma: PositiveFloat = 2.0) -> None:
        self.input_size = input_size
        self.sigma = sigma
        self.coordinates = RegressionLabel(input_size)
        self.heatmap = MSRAHeatmap(input_size, sigma)

    def encode(self, keypoints: Tensor, visible: Tensor, output_shape: Any = None) -> tuple[Any, Tensor]:
        """Targets [N,K,2], or ([N,K,2], [N,K,h,w]), and weights [N,K,1]; what does not count is 0.

        Args:
            keypoints: [N,K,2] in input pixels.
            visible: [N,K], labelled where above 0.
            output_shape: ((K, 2), (K, h, w)) where the output has a density.
        """
        coordinates, weights = self.coordinates.encode(keypoints, visible)
        if not output_shape or not isinstance(output_shape[0], tuple):
            return coordinates, weights
        heatmaps, _ = self.heatmap.encode(keypoints, visible, output_shape[1])
        return (coordinates, heatmaps / heatmaps.sum((-1, -2), keepdim=True).clamp(min=1e-12)), weights

    def decode(self, output: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K] from fractions [N,K,2], or from (fractions, density).

        The score is the part of the density within 2 sigma of the coordinate, along the axis where it is less; 1 without a
        density.
        """
        if isinstance(output, Tensor):
            return self.coordinates.decode(output)
        fractions, density = (part.float() for part in output)
        size = constant((density.shape[-1], density.shape[-2]), fractions)
        x, y = (fractions * size - 0.5).unbind(-1)
        scores = [mass_near(density.sum(axis), at, 2 * self.sigma) for axis, at in ((-2, x), (-1, y))]
        return self.coordinates.decode(fractions)[0], torch.minimum(*scores)
