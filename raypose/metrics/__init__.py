"""Metrics of predicted keypoints, in pixels of the original images. A metric is called with the table, keypoints
[N,K,2] and scores [N,K], a row for each row of the table, and gives {name: float}; `names` lists what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from raypose.errors import RayPoseError
from raypose.metrics.coco_ap import CocoAP
from raypose.metrics.distance import EPE, PCK
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable

__all__ = ["EPE", "PCK", "CocoAP", "evaluate"]


def evaluate(
    metrics: Iterable[Mapping[str, Any]], table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray
) -> dict[str, float]:
    """All metrics of some predictions.

    Args:
        metrics: configurations, such as `[{"type": "CocoAP"}, {"type": "PCK", "threshold": 0.2}]`.
        keypoints: [N,K,2], (x, y) in pixels of the original images.
        scores: [N,K].

    Raises:
        RayPoseError: unknown or unfit metrics, two that give the same name, or shapes that do not fit the table.
    """
    if keypoints.shape != (*table.keypoints.shape[:2], 2) or scores.shape != keypoints.shape[:2]:
        got = f"keypoints {keypoints.shape} and scores {scores.shape}"
        raise RayPoseError(f"got {got} for a table of {table.keypoints.shape}", rule="wrong-shape")
    values: dict[str, float] = {}
    for cfg in metrics:
        found = METRICS.build(cfg)(table, keypoints, scores)
        twice = sorted(values.keys() & found.keys())
        if twice:
            raise RayPoseError(f"two metrics give '{twice[0]}'", hint="give one another `name`", rule="duplicate-name")
        values |= {name: float(value) for name, value in found.items()}
    return values
