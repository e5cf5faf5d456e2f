"""The area under the curve of PCK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from raypose.arguments import checked
from raypose.metrics.distance import Distance
from raypose.metrics.pck import average
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable


@METRICS.register_module()
class AUC(Distance):
    """The area under the curve of PCK: the mean of PCK at `num_thrs` thresholds from 0 up to `norm_factor` pixels.

    As in MMPose the thresholds are i / `num_thrs` of `norm_factor` for i = 0, 1, ..., `num_thrs` - 1, in pixels of the
    original images. At the first, 0, nothing is near: perfect predictions have 1 - 1 / `num_thrs`.

    Args:
        norm_factor: in pixels.
        num_thrs: how many thresholds.

    Example:
        >>> AUC(norm_factor=30)(table, keypoints, scores)
        {'AUC': 0.84}
    """

    names = ("AUC",)

    @checked
    def __init__(self, norm_factor: PositiveFloat = 30, num_thrs: PositiveInt = 20, name: str = "AUC") -> None:
        self.norm_factor, self.num_thrs, self.names = norm_factor, num_thrs, (name,)

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels; `scores` [N,K] do not matter."""
        values = self.per_keypoint(table, keypoints, scores)[self.names[0]]
        return {self.names[0]: average(values[~np.isnan(values)])}

    def per_keypoint(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
        """The area [K] of each keypoint; NaN where it is nowhere labelled."""
        parts = self.distances(table, keypoints) / self.norm_factor
        count = (~np.isnan(parts)).sum(axis=0)
        # A keypoint is near at all thresholds after its distance.
        near = (parts[..., None] < np.arange(self.num_thrs) / self.num_thrs).sum(axis=(0, 2))
        return {self.names[0]: np.where(count > 0, near / np.maximum(count, 1) / self.num_thrs, np.nan)}
