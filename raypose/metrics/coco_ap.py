"""COCO's average precision and recall by object keypoint similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from raypose.arguments import checked
from raypose.metrics.average_precision import EVERY_SIZE, SIZES, average_precision
from raypose.metrics.objects import Objects
from raypose.metrics.ranking import Ranking, ScoreMode
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable

_MAIN = ("AP", "AP50", "AP75", "AR")
_DETAILS = ("APM", "APL", "AR50", "AR75", "ARM", "ARL")


@METRICS.register_module()
class CocoAP(Ranking):
    """AP, AP50, AP75 and AR as COCO's keypoint challenge has them (https://cocodataset.org/#keypoints-eval), in 0..1.

    Each row of the table is a detection. Where its boxes are the labels' own, its score is the mean of its keypoints'
    scores. Where a detector found them, it is the box's score times the mean of the keypoints' scores above
    `keypoint_score_thr`, and of poses that are more alike than `nms_thr` only the surest counts, as in MMPose. A keypoint
    that is not finite counts as far off; without any labelled instance the values are NaN.

    Args:
        score_mode: `keypoint`, `bbox`, `bbox_keypoint` or `bbox_rle`, as MMPose's `CocoMetric` has them.
        keypoint_score_thr: of `bbox_keypoint`.
        nms_mode: `oks_nms` or `none`.
        nms_thr: OKS of two poses over all keypoints, with the mean area of their boxes.
        details: APM, APL, AR50, AR75, ARM and ARL, too; M is for objects of 32² to 96² pixels, L for larger ones.

    Example:
        >>> CocoAP()(table, keypoints, scores)
        {'AP': 0.71, 'AP50': 0.92, 'AP75': 0.78, 'AR': 0.76}
    """

    names: tuple[str, ...] = _MAIN

    @checked
    def __init__(
        self,
        score_mode: ScoreMode | None = None,
        keypoint_score_thr: float = 0.2,
        nms_mode: Literal["oks_nms", "none"] | None = None,
        nms_thr: float = 0.9,
        details: bool = False,
    ) -> None:
        super().__init__(score_mode, keypoint_score_thr, nms_mode, nms_thr)
        self.names = (*_MAIN, *_DETAILS) if details else _MAIN

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels, scores [N,K]."""
        objects, detections = Objects.of(table), self.detections(table, keypoints, scores)
        if self.names == _MAIN:
            return average_precision(objects, detections, table.info.sigmas, EVERY_SIZE).summary()
        curves = average_precision(objects, detections, table.info.sigmas, SIZES)
        _, medium, large = (curves.of_size(i).summary() for i in range(len(SIZES)))
        at_half, at_three_quarters = curves.recall[0, [0, 5]].tolist()
        details = (medium["AP"], large["AP"], at_half, at_three_quarters, medium["AR"], large["AR"])
        return curves.summary() | dict(zip(_DETAILS, details, strict=True))

    def per_keypoint(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
        """AP [K] as if no other keypoint was labelled; NaN where none of a kind is."""
        objects, detections = Objects.of(table), self.detections(table, keypoints, scores)
        curves = (average_precision(objects.only(k), detections, table.info.sigmas) for k in range(keypoints.shape[1]))
        return {"AP": np.array([each.summary()["AP"] for each in curves])}
