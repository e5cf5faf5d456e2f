"""Metrics of the distance between predicted and labelled keypoints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from raypose.errors import RayPoseError
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable


@METRICS.register_module()
class PCK:
    """The fraction of labelled keypoints that are less than `threshold` times the longer side of the box off.

    As in MMPose: a fraction for each of the K keypoints, then their mean. A keypoint that is not finite is off;
    without any labelled keypoint the value is NaN. `name` tells two thresholds apart.

    Example:
        >>> PCK(threshold=0.2, name="PCK@0.2")(table, keypoints, scores)
        {'PCK@0.2': 0.93}
    """

    names: tuple[str, ...] = ("PCK",)

    def __init__(self, threshold: float = 0.05, name: str = "PCK") -> None:
        if not threshold > 0:
            raise RayPoseError(f"threshold > 0 must hold, but got {threshold}", rule="wrong-value")
        self.threshold, self.names = threshold, (name,)

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels; `scores` [N,K] do not matter."""
        labelled = table.keypoints[..., 2] > 0
        size = np.maximum(table.bbox[:, 2:].max(axis=1), np.finfo(np.float32).tiny)
        near = labelled & (_distances(table, keypoints) / size[:, None] < self.threshold)
        counts = labelled.sum(axis=0)
        fractions = near.sum(axis=0)[counts > 0] / counts[counts > 0]
        return {self.names[0]: float(fractions.mean()) if len(fractions) else math.nan}


@METRICS.register_module()
class EPE:
    """The mean distance of labelled keypoints to their predictions, in pixels of the original images.

    NaN if a prediction of a labelled keypoint is, or if none is labelled.

    Example:
        >>> EPE()(table, keypoints, scores)
        {'EPE': 2.1}
    """

    names = ("EPE",)

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels; `scores` [N,K] do not matter."""
        distances = _distances(table, keypoints)[table.keypoints[..., 2] > 0]
        return {"EPE": float(distances.mean()) if len(distances) else math.nan}


def _distances(table: KeypointTable, keypoints: np.ndarray) -> np.ndarray:
    """[N,K] in pixels."""
    return np.linalg.norm(keypoints.astype(np.float64) - table.keypoints[..., :2], axis=-1)
