"""Coordinates as fractions of the input size, for heads that give coordinates themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.geometry import constant, keypoint_weights, weighed
from raypose.registry import CODECS


@CODECS.register_module()
class RegressionLabel:
    """Targets are (x + 0.5) / width and (y + 0.5) / height, in 0..1 over the input (Toshev and Szegedy 2014,
    "DeepPose", arXiv:1312.4659), so that those of a mirrored image are 1 - x.

    An output with sigmas (Li et al. 2021, "RLE", arXiv:2107.11291) has the same targets.

    Args:
        input_size: width and height of the model's input, in pixels.

    Example:
        >>> RegressionLabel((192, 256)).decode(torch.tensor([[[0.5, 0.5, 0.1, 0.3]]]))
        (tensor([[[ 95.5000, 127.5000]]]), tensor([[0.8000]]))
    """

    output: str | tuple[str, ...] = ("coordinates", "rle")

    @checked
    def __init__(self, input_size: Size) -> None:
        self.input_size = input_size

    def encode(
        self, keypoints: Tensor, visible: Tensor, output_shape: tuple[int, ...] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Targets [N,K,2] and weights [N,K,1] of keypoints [N,K,2] in input pixels; what does not count is 0."""
        weights = keypoint_weights(keypoints, visible, self.input_size)
        return weighed((keypoints + 0.5) / constant(self.input_size, keypoints), weights), weights

    def decode(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K] from fractions [N,K,2] or, with sigmas, [N,K,4].

        Scores are 1 minus the mean sigma. Coordinates alone carry none: all scores are 1.
        """
        fractions, sigmas = output.float().split((2, output.shape[-1] - 2), -1)
        scores = 1 - sigmas.mean(-1) if sigmas.shape[-1] else torch.ones_like(fractions[..., 0])
        return fractions * constant(self.input_size, fractions) - 0.5, scores
