"""Average precision and recall of poses, by COCO's rules (https://cocodataset.org/#keypoints-eval)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypose.metrics.matching import Matches, match
from raypose.metrics.objects import Detections, Objects

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of OKS
RECALLS = np.linspace(0, 1, 101)
EVERY_SIZE = ((0.0, 1e10),)  # square pixels: all,
SIZES = (*EVERY_SIZE, (32.0**2, 96.0**2), (96.0**2, 1e10))  # medium, large; COCO labels no keypoints of small people


@dataclass(frozen=True)
class Curves:
    """Of A ranges of sizes and T thresholds; NaN where there was nothing to find."""

    precision: np.ndarray  # [A,T,101] at each recall
    recall: np.ndarray  # [A,T] the highest

    def of_size(self, size: int) -> Curves:
        """Those of one range of sizes."""
        return Curves(self.precision[size, None], self.recall[size, None])

    def summary(self) -> dict[str, float]:
        """AP, AP50, AP75 and AR of the first range."""
        precision = self.precision[0].mean(axis=-1)
        return {
            "AP": float(precision.mean()),
            "AP50": float(precision[0]),
            "AP75": float(precision[5]),
            "AR": float(self.recall[0].mean()),
        }


def average_precision(
    objects: Objects,
    detections: Detections,
    sigmas: Sequence[float],
    sizes: Sequence[tuple[float, float]] = EVERY_SIZE,
    most: int = 20,
) -> Curves:
    """Precision and recall of detections, of which the `most` with the highest scores in each image count.

    Example:
        >>> average_precision(objects, detections, sigmas).precision.mean()
        0.71
    """
    order = np.lexsort((-detections.scores, detections.image))
    detections = detections.take(order[_rank(detections.image[order]) < most])
    matches = match(objects, detections, sigmas, sizes, THRESHOLDS)
    return _curves(matches, detections.scores)


def _rank(image: np.ndarray) -> np.ndarray:
    """[N] which one of its image a row is, of sorted images [N]."""
    return np.arange(len(image)) - np.searchsorted(image, image)


def _curves(matches: Matches, scores: np.ndarray) -> Curves:
    order = np.argsort(-scores, kind="stable")
    counts = ~matches.ignored[..., order]
    true = (matches.found[..., order] & counts).cumsum(-1, dtype=float)
    false = (~matches.found[..., order] & counts).cumsum(-1, dtype=float)
    shape, wanted = true.shape[:2], matches.wanted[:, None]
    precision, recall = np.zeros((*shape, len(RECALLS))), np.zeros(shape)
    if len(scores):
        reached = true / np.maximum(wanted, 1)[..., None]
        # The best precision at this recall or at any higher one.
        best = np.maximum.accumulate((true / (true + false + np.spacing(1)))[..., ::-1], -1)[..., ::-1]
        for at in np.ndindex(shape):
            first = np.searchsorted(reached[at], RECALLS)
            precision[at] = np.append(best[at], 0)[first]
        recall = reached[..., -1]
    nothing = wanted == 0
    return Curves(np.where(nothing[..., None], np.nan, precision), np.where(nothing, np.nan, recall))
