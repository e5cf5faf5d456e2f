"""CrowdPose's average precision: COCO's, and by how crowded an image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raypose.errors import RayPoseError
from raypose.metrics.average_precision import average_precision
from raypose.metrics.objects import Objects, labels, places
from raypose.metrics.ranking import Ranking
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable

# By the crowd index of an image. The paper (Li et al. 2019, arXiv:1812.00324) says 0.1, but its code, which all published
# numbers come from, takes 0.2.
_EASY, _HARD = 0.2, 0.8


@METRICS.register_module()
class CrowdPoseAP(Ranking):
    """AP, AP50, AP75 and AR of all images, and AP of those with a crowd index below 0.2, of 0.2 to 0.8, and from 0.8 on.

    Scores and non-maximum suppression are those of `CocoAP`. CrowdPose has no areas: its tables take 0.53 of a box.

    Args:
        score_mode: `keypoint`, `bbox`, `bbox_keypoint` or `bbox_rle`, as MMPose's `CocoMetric` has them.
        keypoint_score_thr: of `bbox_keypoint`.
        nms_mode: `oks_nms` or `none`.
        nms_thr: OKS of two poses over all keypoints, with the mean area of their boxes.

    Example:
        >>> CrowdPoseAP()(table, keypoints, scores)
        {'AP': 0.66, 'AP50': 0.81, 'AP75': 0.71, 'AR': 0.75, 'AP_easy': 0.76, 'AP_medium': 0.67, 'AP_hard': 0.56}
    """

    names = ("AP", "AP50", "AP75", "AR", "AP_easy", "AP_medium", "AP_hard")

    def check(self, table: KeypointTable) -> None:
        """Raises RayPoseError if the table does not tell how crowded its images are."""
        if labels(table).crowd_index is None:
            raise RayPoseError(
                "CrowdPoseAP needs a crowd index for each image, which the dataset does not have",
                hint="use it with the dataset CrowdPose, or take CocoAP",
                rule="metric-needs",
            )

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels, scores [N,K]."""
        self.check(table)
        objects, detections = Objects.of(table), self.detections(table, keypoints, scores)
        truth = labels(table)
        index = np.empty(len(truth.paths))
        index[places(truth)] = truth.crowd_index
        values = average_precision(objects, detections, table.info.sigmas).summary()
        parts = {"AP_easy": index < _EASY, "AP_medium": (index >= _EASY) & (index < _HARD), "AP_hard": index >= _HARD}
        for name, part in parts.items():
            there = objects.take(part[objects.image]), detections.take(part[detections.image])
            values[name] = average_precision(*there, table.info.sigmas).summary()["AP"]
        return values
