"""Poses as COCO results (https://cocodataset.org/#format-results)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from raypose.metrics.ranking import Ranking

if TYPE_CHECKING:
    from raypose.data import KeypointTable


def coco_results(
    table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray, ranking: Ranking | None = None
) -> list[dict[str, Any]]:
    """The poses that count, with their scores, as `CocoAP` takes them; `annotation_id` is the row's id in the table.

    Args:
        keypoints: [N,K,2] in original pixels, rounded to a thousandth.
        scores: [N,K].

    Example:
        >>> coco_results(table, keypoints, scores)[0]
        {'image_id': 139, 'category_id': 1, 'annotation_id': 230831, 'keypoints': [427.1, 170.3, 0.91, ...], 'score': 0.87}
    """
    sure, counts = (ranking or Ranking()).ranked(table, keypoints, scores)
    triplets = np.concatenate([keypoints, scores[..., None]], axis=-1).astype(float).round(3).reshape(len(table), -1)
    columns = (table.image_ids[table.image_index], table.ids, triplets, sure.round(5))
    return [
        {"image_id": image, "category_id": 1, "annotation_id": id_, "keypoints": pose, "score": score}
        for image, id_, pose, score in zip(*(column[counts].tolist() for column in columns), strict=True)
    ]
