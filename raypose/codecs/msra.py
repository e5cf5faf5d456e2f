"""Gaussian heatmaps, read by their highest pixel (Xiao et al. 2018, "Simple Baselines", arXiv:1804.06208)."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.blur import blur_size
from raypose.codecs.dark import dark
from raypose.codecs.geometry import rescale
from raypose.codecs.heatmap import HeatmapCodec
from raypose.codecs.peaks import highest, quarter_pixel
from raypose.registry import CODECS


@CODECS.register_module()
class MSRAHeatmap(HeatmapCodec):
    """One gaussian of peak 1 a keypoint; decoded as the highest pixel and a part of a pixel towards its neighbours.

    MSRA's code rounds each gaussian's centre to a whole heatmap pixel, which throws up to half a pixel away (two input
    pixels at stride 4), and reads a quarter pixel towards the higher neighbour; so does `unbiased=False`. Else the
    centre is exact, and is read as the top of the blurred logarithm (Zhang et al. 2020, "DARK", arXiv:1910.06278; see
    `raypose.codecs.dark`), which for a gaussian is exact again. A heatmap pixel stands for the square of input pixels
    that it covers, so that the heatmap of a mirrored image is the mirrored heatmap, and averaging the two needs no
    shift.

    Args:
        input_size: width and height of the model's input, in pixels.
        sigma: of the gaussians, in heatmap pixels.
        unbiased: keep and read the part of a centre that is below one pixel.
        blur_kernel_size: width of the blur before an unbiased reading, in heatmap pixels, odd; 1 is no blur. By default it
            matches `sigma`: 5 for 1, 11 for 2, 17 for 3.

    Raises:
        RayPoseError: an even `blur_kernel_size`.

    Example:
        >>> codec = MSRAHeatmap((192, 256))
        >>> targets, weights = codec.encode(keypoints, visible, (17, 64, 48))
        >>> keypoints, scores = codec.decode(targets)
    """

    @checked
    def __init__(
        self,
        input_size: Size,
        sigma: PositiveFloat = 2.0,
        unbiased: bool = True,
        blur_kernel_size: PositiveInt | None = None,
    ) -> None:
        self.input_size = input_size
        self.sigma = sigma
        self.unbiased = unbiased
        self.blur_kernel_size = blur_size(blur_kernel_size, sigma)

    def centers(self, keypoints: Tensor, size: tuple[int, int]) -> Tensor:
        exact = super().centers(keypoints, size)
        return exact if self.unbiased else exact.round()

    def decode(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K], the heights of the peaks, from heatmaps [N,K,h,w]."""
        heatmaps = output.float()
        x, y, scores = highest(heatmaps)
        points = dark(heatmaps, x, y, self.blur_kernel_size) if self.unbiased else quarter_pixel(heatmaps, x, y)
        return rescale(points, (heatmaps.shape[-1], heatmaps.shape[-2]), self.input_size), scores
