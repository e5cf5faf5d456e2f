"""How many keypoints are predicted near enough: PCK and PCKh."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import PositiveFloat

from raypose.arguments import checked
from raypose.errors import RayPoseError
from raypose.metrics.distance import Distance, Pair, box_size, keypoint_distance, places
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable


@METRICS.register_module()
class PCK(Distance):
    """The fraction of labelled keypoints that are less than `threshold` times the size of their object off.

    That is the longer side of its box, or the labelled distance of two keypoints: a shoulder and the opposite hip give
    MMPose's tPCK. As in MMPose: a fraction for each of the K keypoints, then their mean. A keypoint that is not finite, or
    of an object without size, is off; objects that lack a label of the two keypoints are left out; without any labelled
    keypoint the value is NaN. `name` tells two thresholds apart.

    Args:
        threshold: of the distance, in parts of the size.
        keypoints: the names of two keypoints; default: the box.

    Example:
        >>> PCK(threshold=0.2, name="PCK@0.2")(table, keypoints, scores)
        {'PCK@0.2': 0.93}
    """

    names: tuple[str, ...] = ("PCK",)

    @checked
    def __init__(self, threshold: PositiveFloat = 0.05, name: str = "PCK", keypoints: Pair | None = None) -> None:
        self.threshold, self.names, self.keypoints = threshold, (name,), keypoints

    def check(self, table: KeypointTable) -> None:
        """Raises RayPoseError if the table is a detector's, or lacks what sizes come from."""
        super().check(table)
        places(table, self.keypoints or ())

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels; `scores` [N,K] do not matter."""
        near, count = self.counts(table, keypoints)
        return {self.names[0]: average(near[count > 0] / count[count > 0])}

    def per_keypoint(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
        """The fraction [K] of each keypoint; NaN where it is nowhere labelled."""
        near, count = self.counts(table, keypoints)
        return {self.names[0]: np.where(count > 0, near / np.maximum(count, 1), np.nan)}

    def counts(self, table: KeypointTable, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[K] how many of each keypoint are near enough, and how many are labelled."""
        distances = self.distances(table, keypoints)
        size = np.maximum(self.sizes(table), np.finfo(np.float32).tiny)
        parts = distances / size[:, None]
        return (parts < self.threshold).sum(axis=0), (~np.isnan(parts)).sum(axis=0)

    def sizes(self, table: KeypointTable) -> np.ndarray:
        """[N] pixels; NaN where it is not known."""
        return box_size(table) if self.keypoints is None else keypoint_distance(table, self.keypoints)


@METRICS.register_module()
class PCKh(PCK):
    """The fraction of labelled keypoints that are less than `threshold` times the size of the head off: MPII's measure.

    As MPII's evaluation, and MMPose's `MpiiPCKAccuracy`, count it: over all labelled keypoints together but those in
    `left_out`, so that a keypoint counts as often as it is labelled. Objects whose head is not known are left out.

    Args:
        threshold: of the distance, in parts of the head's size; MPII takes 0.5 and 0.1.
        left_out: keypoints that do not count, where the dataset has them; values per keypoint have them, too.

    Example:
        >>> PCKh(threshold=0.1, name="PCKh@0.1")(table, keypoints, scores)
        {'PCKh@0.1': 0.33}
    """

    names: tuple[str, ...] = ("PCKh",)

    @checked
    def __init__(
        self, threshold: PositiveFloat = 0.5, name: str = "PCKh", left_out: tuple[str, ...] = ("pelvis", "thorax")
    ) -> None:
        super().__init__(threshold, name)
        self.left_out = left_out

    def check(self, table: KeypointTable) -> None:
        """Raises RayPoseError if the table is a detector's, or has no heads' sizes."""
        super().check(table)
        if table.head_size is None:
            raise RayPoseError(
                "PCKh needs the size of each head, which the dataset does not have",
                hint="use it with the dataset Mpii and its headbox_file, or take PCK",
                rule="metric-needs",
            )

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels; `scores` [N,K] do not matter."""
        near, count = self.counts(table, keypoints)
        used = ~np.isin(table.info.names, self.left_out)
        total = count[used].sum()
        return {self.names[0]: float(near[used].sum() / total) if total else math.nan}

    def sizes(self, table: KeypointTable) -> np.ndarray:
        """[N] pixels; NaN where the head is not known."""
        heads = np.asarray(table.head_size, float)
        return np.where(heads > 0, heads, np.nan)


def average(values: np.ndarray) -> float:
    """The mean; NaN of none."""
    return float(values.mean()) if len(values) else math.nan
