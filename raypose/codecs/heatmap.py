"""What codecs of heatmaps share: how keypoints become maps."""

from __future__ import annotations

from torch import Tensor

from raypose.codecs.blur import bells
from raypose.codecs.geometry import keypoint_weights, rescale, weighed


class HeatmapCodec:
    """Encodes each keypoint as a map: by default a gaussian of `sigma`, a product of one along x and one along y."""

    output: str | tuple[str, ...] = "heatmap"
    input_size: tuple[int, int]
    sigma: float

    def encode(self, keypoints: Tensor, visible: Tensor, output_shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Targets of `output_shape` and weights [N,K,1]; what is not visible or outside has weight 0 and empty maps.

        Args:
            keypoints: [N,K,2] in input pixels.
            visible: [N,K], labelled where above 0.
            output_shape: (..., h, w) of the head's output.
        """
        size = (output_shape[-1], output_shape[-2])
        weights = keypoint_weights(keypoints, visible, self.input_size)
        centers = weighed(self.centers(keypoints, size), weights)
        return self.maps_around(centers, weights, size), weights

    def centers(self, keypoints: Tensor, size: tuple[int, int]) -> Tensor:
        """Where keypoints [N,K,2] are in a heatmap of `size` (width, height)."""
        return rescale(keypoints, self.input_size, size)

    def maps_around(self, centers: Tensor, weights: Tensor, size: tuple[int, int]) -> Tensor:
        """Maps [N,K,h,w] around centers [N,K,2], times weights [N,K,1]."""
        columns = self.profile(centers[..., 0], size[0])
        rows = self.profile(centers[..., 1], size[1]) * weights
        return rows.unsqueeze(-1) * columns.unsqueeze(-2)

    def profile(self, centers: Tensor, length: int) -> Tensor:
        """The heights [N,K,length] along one axis around centers [N,K]."""
        return bells(centers, length, self.sigma)
