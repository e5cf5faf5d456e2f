"""How sure each pose is, and which count: what comes before average precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from raypose.arguments import checked
from raypose.metrics.objects import FAR, Detections, labels, places
from raypose.metrics.oks import oks_nms

if TYPE_CHECKING:
    from raypose.data import KeypointTable

ScoreMode = Literal["keypoint", "bbox", "bbox_keypoint", "bbox_rle"]
KEYPOINT_SCORE_THR = 0.2  # of `bbox_keypoint`, MMPose's


def _above(scores: np.ndarray, thr: float) -> np.ndarray:
    """[N] the mean of what is above `thr` of scores [N,K]; 0 where nothing is."""
    above = scores > thr
    return (scores * above).sum(axis=1) / np.maximum(above.sum(axis=1), 1)


_SCORES: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "keypoint": lambda box, keypoint, thr: keypoint.mean(axis=1),
    "bbox": lambda box, keypoint, thr: box,
    "bbox_keypoint": lambda box, keypoint, thr: box * _above(keypoint, thr),
    "bbox_rle": lambda box, keypoint, thr: box + keypoint.mean(axis=1) + keypoint.max(axis=1),
}


def pose_scores(scores: np.ndarray, box_scores: np.ndarray | None = None) -> np.ndarray:
    """[N] how sure poses are whose keypoints have the scores [N,K]: as `Ranking` has it by default, of labelled boxes, and
    of boxes that a detector gave `box_scores` [N].

    Example:
        >>> pose_scores(np.array([[0.5, 0.1]]), np.array([0.8]))
        array([0.4])
    """
    if box_scores is None:
        return _SCORES["keypoint"](np.ones(len(scores)), scores, 0.0)
    return _SCORES["bbox_keypoint"](box_scores, scores, KEYPOINT_SCORE_THR)


class Ranking:
    """What poses count, and with which score, as MMPose's `CocoMetric` has it. In place of None come `bbox_keypoint` and
    `oks_nms` where a detector found the boxes (`table.truth`), else `keypoint` and `none`.

    Args:
        score_mode: `keypoint`, the mean of the keypoints' scores; `bbox`, the box's score (1 where the boxes are the
            labels' own); `bbox_keypoint`, the box's score times the mean of the keypoints' scores above
            `keypoint_score_thr`, 0 where none is; `bbox_rle`, the box's score plus the mean and the highest of them.
        keypoint_score_thr: of `bbox_keypoint`.
        nms_mode: `oks_nms`: of two poses of an image that are more alike than `nms_thr`, only the surer one counts.
        nms_thr: OKS of two poses over all keypoints, with the mean area of their boxes.

    Example:
        >>> Ranking("bbox_keypoint").ranked(table, keypoints, scores)
        (array([0.35, 0.2]), array([True, False]))
    """

    @checked
    def __init__(
        self,
        score_mode: ScoreMode | None = None,
        keypoint_score_thr: float = KEYPOINT_SCORE_THR,
        nms_mode: Literal["oks_nms", "none"] | None = None,
        nms_thr: float = 0.9,
    ) -> None:
        self.score_mode, self.keypoint_score_thr = score_mode, keypoint_score_thr
        self.nms_mode, self.nms_thr = nms_mode, nms_thr

    def ranked(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The score [N] of each pose, and whether it counts, [N] bool."""
        detected = table.truth is not None
        points, scores = _finite(keypoints, scores)
        box = np.ones(len(table)) if table.box_scores is None else table.box_scores.astype(float)
        mode = self.score_mode or ("bbox_keypoint" if detected else "keypoint")
        sure = _SCORES[mode](box, scores, self.keypoint_score_thr)
        if (self.nms_mode or ("oks_nms" if detected else "none")) == "none":
            return sure, np.ones(len(table), bool)
        area = table.bbox[:, 2:].astype(float).prod(axis=1)
        return sure, oks_nms(table.image_index, points, area, sure, table.info.sigmas, self.nms_thr)

    def detections(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> Detections:
        """The poses that count.

        Raises:
            RayPoseError: the table has other images than its `truth`.
        """
        sure, counts = self.ranked(table, keypoints, scores)
        image = places(labels(table))[table.image_index]
        return Detections(image, _finite(keypoints, scores)[0], sure).take(counts)


def _finite(keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [N,K,2] and scores [N,K]; what is not finite is far off with a score of 0."""
    finite = np.isfinite(keypoints).all(-1) & np.isfinite(scores)
    return np.where(finite[..., None], keypoints, FAR).astype(float), np.where(finite, scores, 0).astype(float)
