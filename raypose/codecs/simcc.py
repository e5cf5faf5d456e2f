"""Each coordinate as a classification of bins finer than pixels (Li et al. 2022, "SimCC", arXiv:2107.03332)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.blur import bells, matched_size
from raypose.codecs.dark import dark_1d
from raypose.codecs.density import mass_near
from raypose.codecs.geometry import keypoint_weights, rescale, weighed
from raypose.config import Fraction
from raypose.errors import RayPoseError
from raypose.registry import CODECS

Shapes = tuple[tuple[int, ...], tuple[int, ...]]


@CODECS.register_module()
class SimCCLabel:
    """A distribution over bins along x and one along y for each keypoint; decoded by their highest bins.

    A gaussian target is centred on the keypoint itself, not on the nearest bin, and bins divide the input evenly, so that
    the targets of a mirrored image are the mirrored targets. `normalize` makes each sum to 1, at borders too;
    without, the peak is 1. The losses scale targets themselves and learn the same from both. A standard target has its
    mass on the nearest bin, shared by two where the keypoint lies between them.

    Args:
        input_size: width and height of the model's input, in pixels.
        smoothing_type: gaussian, or one bin and `label_smooth_weight`.
        sigma: of the gaussians, in bins; one for both axes, or (along x, along y).
        simcc_split_ratio: bins a pixel.
        label_smooth_weight: the part of a standard target that the other bins share, in 0..1.
        normalize: whether gaussians sum to 1, else their peaks are 1.
        use_dark: decode a part of a bin of a gaussian as well (see `raypose.codecs.dark`), else the highest bin's centre.

    Raises:
        RayPoseError: `label_smooth_weight` of gaussian targets, `use_dark` of others, or fewer than 2 bins.

    Example:
        >>> codec = SimCCLabel((192, 256))
        >>> (x, y), weights = codec.encode(keypoints, visible, ((17, 384), (17, 512)))
    """

    output = "simcc"

    @checked
    def __init__(
        self,
        input_size: Size,
        smoothing_type: Literal["gaussian", "standard"] = "gaussian",
        sigma: PositiveFloat | tuple[PositiveFloat, PositiveFloat] = 6.0,
        simcc_split_ratio: PositiveFloat = 2.0,
        label_smooth_weight: Fraction = 0.0,
        normalize: bool = True,
        use_dark: bool = False,
    ) -> None:
        if min(input_size) * simcc_split_ratio < 2:
            message = f"simcc_split_ratio {simcc_split_ratio:g} gives {input_size} fewer than 2 bins an axis"
            raise RayPoseError(message, rule="wrong-value")
        if use_dark and smoothing_type == "standard":
            raise RayPoseError(
                "use_dark reads the top of a gaussian, which standard targets do not have",
                hint="smoothing_type: gaussian has one",
                rule="wrong-value",
            )
        if label_smooth_weight and smoothing_type == "gaussian":
            raise RayPoseError(
                f"label_smooth_weight is 0 for gaussian targets, but got {label_smooth_weight}",
                hint="smoothing_type: standard takes one",
                rule="label-smooth-weight",
            )
        self.input_size = input_size
        self.smoothing_type = smoothing_type
        self.sigma = (sigma, sigma) if isinstance(sigma, float) else sigma
        self.simcc_split_ratio = simcc_split_ratio
        self.label_smooth_weight = label_smooth_weight
        self.normalize = normalize
        self.use_dark = use_dark

    def encode(self, keypoints: Tensor, visible: Tensor, output_shape: Shapes) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Targets ([N,K,Lx], [N,K,Ly]) and weights [N,K,1]; what is not visible or outside has weight and targets 0.

        Args:
            keypoints: [N,K,2] in input pixels.
            visible: [N,K], labelled where above 0.
            output_shape: ((..., Lx), (..., Ly)) of the head's output.
        """
        lengths = (output_shape[0][-1], output_shape[1][-1])
        weights = keypoint_weights(keypoints, visible, self.input_size)
        centers = weighed(rescale(keypoints, self.input_size, lengths), weights)
        label = self._gaussian if self.smoothing_type == "gaussian" else self._standard
        x, y = (label(centers[..., axis], lengths[axis], self.sigma[axis]) * weights for axis in (0, 1))
        return (x, y), weights

    def decode(self, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K] from logits ([N,K,Lx], [N,K,Ly]).

        The score is the probability within 2 sigma of the highest bin, along the axis where it is less: 0.95 for the
        target itself, whatever its sigma.
        """
        (x, score_x), (y, score_y) = (self._read(*axis) for axis in zip(output, self.sigma, strict=True))
        lengths = (output[0].shape[-1], output[1].shape[-1])
        return rescale(torch.stack((x, y), -1), lengths, self.input_size), torch.minimum(score_x, score_y)

    def _gaussian(self, centers: Tensor, length: int, sigma: float) -> Tensor:
        bell = bells(centers, length, sigma)
        return bell / bell.sum(-1, keepdim=True) if self.normalize else bell

    def _standard(self, centers: Tensor, length: int, sigma: float) -> Tensor:
        grid = torch.arange(length, dtype=centers.dtype, device=centers.device)
        hot = (1 - (grid - centers.unsqueeze(-1)).abs()).clamp(min=0)
        hot = hot / hot.sum(-1, keepdim=True)
        smooth = self.label_smooth_weight
        return hot * (1 - smooth) + (1 - hot) * smooth / max(1, length - 1)

    def _read(self, logits: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        density = logits.float().softmax(-1)
        bins = density.argmax(-1)
        places = dark_1d(density, bins, matched_size(sigma)) if self.use_dark else bins.to(density.dtype)
        return places, mass_near(density, bins, 2 * sigma)
