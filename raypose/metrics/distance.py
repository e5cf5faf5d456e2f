"""The distance between predicted and labelled keypoints, and its mean, in pixels or in parts of an object."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from raypose.arguments import checked
from raypose.errors import RayPoseError, nearest
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable

Pair = tuple[str, str]  # names of two keypoints


class Distance:
    """What metrics of distances share: each row of the table has labels of its own. `name` is what the value is called,
    which tells two of a kind apart."""

    names: tuple[str, ...]
    own_labels = True

    def check(self, table: KeypointTable) -> None:
        """Raises RayPoseError if the table is not one that this can measure."""
        if table.truth is not None:
            raise RayPoseError(
                f"{type(self).__name__} compares each instance with its own labels, but the boxes are a detector's",
                hint="leave it out, or take the labelled boxes (leave out bbox_file)",
                rule="metric-needs",
            )

    def distances(self, table: KeypointTable, keypoints: np.ndarray) -> np.ndarray:
        """[N,K] in pixels; NaN where nothing is labelled, infinite where a prediction is not finite."""
        self.check(table)
        pixels = np.linalg.norm(keypoints.astype(float) - table.keypoints[..., :2], axis=-1)
        return np.where(table.keypoints[..., 2] > 0, np.where(np.isfinite(pixels), pixels, np.inf), np.nan)


@METRICS.register_module()
class EPE(Distance):
    """The mean distance of labelled keypoints to their predictions, in pixels of the original images.

    NaN if a prediction of a labelled keypoint is not finite, or if none is labelled.

    Example:
        >>> EPE()(table, keypoints, scores)
        {'EPE': 2.1}
    """

    names = ("EPE",)

    @checked
    def __init__(self, name: str = "EPE") -> None:
        self.names = (name,)

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels; `scores` [N,K] do not matter."""
        return {self.names[0]: mean(self.distances(table, keypoints))}

    def per_keypoint(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
        """The mean [K] of each keypoint; NaN where it is nowhere labelled."""
        return {self.names[0]: np.array([mean(column) for column in self.distances(table, keypoints).T])}


@METRICS.register_module()
class NME(EPE):
    """The normalized mean error: the mean distance of labelled keypoints to their predictions, in parts of the size of
    their object.

    That is the longer side of its box, or the labelled distance of two keypoints, such as the outer corners of the eyes.
    As in MMPose, all labelled keypoints count alike; an object whose size is 0, or not labelled, is left out.

    Args:
        keypoints: the names of two keypoints; default: the box.

    Example:
        >>> NME(keypoints=("right_eye", "left_eye"))(table, keypoints, scores)
        {'NME': 0.034}
    """

    names = ("NME",)

    @checked
    def __init__(self, keypoints: Pair | None = None, name: str = "NME") -> None:
        self.keypoints, self.names = keypoints, (name,)

    def check(self, table: KeypointTable) -> None:
        """Raises RayPoseError if the table is a detector's, or has no keypoint of the name."""
        super().check(table)
        places(table, self.keypoints or ())

    def distances(self, table: KeypointTable, keypoints: np.ndarray) -> np.ndarray:
        """[N,K] in parts of the object's size; NaN where nothing is labelled or the size is not known."""
        size = box_size(table) if self.keypoints is None else keypoint_distance(table, self.keypoints)
        return super().distances(table, keypoints) / np.where(size > 0, size, np.nan)[:, None]


def mean(values: np.ndarray) -> float:
    """Of what is not NaN; NaN where nothing is, and where a value is infinite."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) and np.isfinite(known).all() else math.nan


def box_size(table: KeypointTable) -> np.ndarray:
    """[N] the longer side of each box, in pixels."""
    return table.bbox[:, 2:].max(axis=1).astype(float)


def keypoint_distance(table: KeypointTable, names: Pair) -> np.ndarray:
    """[N] pixels between two labelled keypoints; NaN where one of them is not labelled."""
    a, b = (table.keypoints[:, place].astype(float) for place in places(table, names))
    return np.where((a[:, 2] > 0) & (b[:, 2] > 0), np.linalg.norm(a[:, :2] - b[:, :2], axis=1), np.nan)


def places(table: KeypointTable, names: tuple[str, ...]) -> list[int]:
    """The indices of keypoints by name.

    Raises:
        RayPoseError: no keypoint has the name.
    """
    for name in names:
        if name not in table.info.names:
            hint = nearest(name, table.info.names)
            raise RayPoseError(f"the dataset has no keypoint '{name}'", hint=hint, rule="unknown-keypoint")
    return [table.info.names.index(name) for name in names]
