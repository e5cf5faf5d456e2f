"""COCO's average precision and recall by object keypoint similarity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable


@METRICS.register_module()
class CocoAP:
    """AP, AP50, AP75 and AR as COCO's keypoint challenge has them (https://cocodataset.org/#keypoints-eval), in 0..1.

    Each row of the table is a detection whose score is the mean of its keypoints' scores. A keypoint that is not finite
    counts as far off; without any labelled instance the values are NaN.

    Example:
        >>> CocoAP()(table, keypoints, scores)
        {'AP': 0.71, 'AP50': 0.92, 'AP75': 0.78, 'AR': 0.76}
    """

    names = ("AP", "AP50", "AP75", "AR")

    def __call__(self, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """keypoints [N,K,2] in original pixels, scores [N,K]."""
        if len(table) == 0:
            return dict.fromkeys(self.names, math.nan)
        truth = COCO(_renumbered(table.to_coco()))
        found = truth.loadRes(_detections(table, keypoints, scores))
        evaluation = COCOeval_faster(truth, found, iouType="keypoints", kpt_oks_sigmas=list(table.info.sigmas))
        evaluation.run()
        ap, ap50, ap75, _, _, ar = evaluation.all_stats[:6].tolist()
        # COCO's -1 stands for "there was nothing to find".
        values = [math.nan if value < 0 else value for value in (ap, ap50, ap75, ar)]
        return dict(zip(self.names, values, strict=True))


def _renumbered(coco: dict[str, Any]) -> dict[str, Any]:
    """The same with ids from 1, since an annotation with COCO's id 0 would never count as found, and one category."""
    images = {image["id"]: number for number, image in enumerate(coco["images"], 1)}
    return {
        **coco,
        "images": [{**image, "id": images[image["id"]]} for image in coco["images"]],
        "annotations": [
            {**each, "id": number, "image_id": images[each["image_id"]], "category_id": 1}
            for number, each in enumerate(coco["annotations"], 1)
        ],
        "categories": [{**coco["categories"][0], "id": 1}],
    }


def _detections(table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> list[dict[str, Any]]:
    finite = np.isfinite(keypoints).all(-1) & np.isfinite(scores)
    points = np.where(finite[..., None], keypoints, -1e4).astype(np.float64)
    triplets = np.concatenate([points, np.where(finite, scores, 0.0)[..., None]], axis=-1)
    return [
        {
            "image_id": int(image) + 1,
            "category_id": 1,
            "keypoints": triplet.ravel().tolist(),
            "score": float(triplet[:, 2].mean()),
        }
        for image, triplet in zip(table.image_index, triplets, strict=True)
    ]
