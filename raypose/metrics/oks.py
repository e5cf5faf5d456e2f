"""Object keypoint similarity (OKS), and what it leaves of poses that were found twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def similarity(
    keypoints: np.ndarray, truth: np.ndarray, bbox: np.ndarray, area: np.ndarray, sigmas: Sequence[float]
) -> np.ndarray:
    """OKS [P] of P pairs: the mean of exp(-d² / 2 s² k²) over labelled keypoints, where d is the distance, s² the area
    and k = 2 sigma (https://cocodataset.org/#keypoints-eval).

    Where none is labelled, d is the distance to the box made three times as large, as in COCO's code.

    Args:
        keypoints: [P,K,2] in pixels.
        truth: [P,K,3]: x, y, visibility.
        bbox: [P,4]: x, y, width, height.
        area: [P] square pixels.
    """
    labelled = truth[..., 2] > 0
    blank = ~labelled.any(axis=1)
    offset = keypoints - truth[..., :2]
    if blank.any():
        low = bbox[blank, None, :2] - bbox[blank, None, 2:]
        high = bbox[blank, None, :2] + 2 * bbox[blank, None, 2:]
        points = keypoints[blank]
        offset[blank] = np.maximum(0, low - points) + np.maximum(0, points - high)
        labelled[blank] = True
    return _mean_bell(offset, area, sigmas, labelled)


def oks_nms(
    image: np.ndarray, keypoints: np.ndarray, areas: np.ndarray, scores: np.ndarray, sigmas: Sequence[float], thr: float
) -> np.ndarray:
    """[N] bool: which poses are left when, in each image from the highest score down, each one that is left takes away
    those that are more alike to it than `thr`.

    Likeness is OKS over all keypoints with the mean of both areas, as in MMPose's `oks_nms`.

    Args:
        image: [N] the image of each pose.
        keypoints: [N,K,2] in pixels.
        areas: [N] square pixels.
        scores: [N].
    """
    kept = np.ones(len(image), bool)
    order = np.lexsort((-scores, image))
    for rows in np.split(order, np.flatnonzero(np.diff(image[order])) + 1):
        if len(rows) > 1:
            kept[rows] = _greedy(_alike(keypoints[rows], areas[rows], sigmas) > thr)
    return kept


def _alike(keypoints: np.ndarray, areas: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """[D,D] of each pose and those after it, else 0."""
    first, second = np.triu_indices(len(keypoints), 1)
    found = np.zeros((len(keypoints), len(keypoints)))
    offset = keypoints[first] - keypoints[second]
    found[first, second] = _mean_bell(offset, (areas[first] + areas[second]) / 2, sigmas)
    return found


def _greedy(alike: np.ndarray) -> np.ndarray:
    """[D] bool, of [D,D] bool in the order of scores."""
    kept = np.ones(len(alike), bool)
    for row in np.flatnonzero(alike.any(axis=1)):
        if kept[row]:
            kept &= ~alike[row]
    return kept


def _mean_bell(
    offset: np.ndarray, area: np.ndarray, sigmas: Sequence[float], used: np.ndarray | None = None
) -> np.ndarray:
    """[...] of offsets [...,K,2], areas [...] and which keypoints [...,K] to use."""
    scale = 2 * (2 * np.asarray(sigmas)) ** 2 * (area[..., None] + np.spacing(1))
    bell = np.exp(-np.einsum("...i,...i", offset, offset) / scale)
    return bell.mean(-1) if used is None else (bell * used).sum(-1) / used.sum(-1)
