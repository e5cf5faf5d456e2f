"""Coordinates as fractions of the input size, for heads that give coordinates themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from raypose.codecs.geometry import keypoint_weights
from raypose.registry import CODECS


@CODECS.register_module()
class IntegralRegressionLabel:
    """Targets are (x + 0.5) / width and (y + 0.5) / height, in 0..1 over the input (Sun et al. 2018, arXiv:1711.08229).

    Args:
        input_size: width and height of the model's input, in pixels.

    Example:
        >>> IntegralRegressionLabel((192, 256)).decode(torch.tensor([[[0.5, 0.5]]]))[0]
        tensor([[[ 95.5000, 127.5000]]])
    """

    output = "coordinates"

    def __init__(self, input_size: tuple[int, int]) -> None:
        self.input_size = (int(input_size[0]), int(input_size[1]))

    def encode(
        self, keypoints: Tensor, visible: Tensor, output_shape: tuple[int, ...] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Targets [N,K,2] and weights [N,K,1] of keypoints [N,K,2] in input pixels; what does not count is 0."""
        weights = keypoint_weights(keypoints, visible, self.input_size)
        fractions = (keypoints + 0.5) / keypoints.new_tensor(self.input_size)
        return torch.where(weights > 0, fractions, torch.zeros_like(fractions)), weights

    def decode(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels from fractions [N,K,2]; coordinates carry no score, so all scores are 1."""
        fractions = output.float()
        return fractions * fractions.new_tensor(self.input_size) - 0.5, torch.ones_like(fractions[..., 0])
