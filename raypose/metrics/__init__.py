"""Metrics of predicted keypoints, in pixels of the original images. A metric is called with the table, keypoints
[N,K,2] and scores [N,K], a row for each row of the table, and gives {name: float}; `names` lists what it gives.

It may have `check(table)`, which raises a RayPoseError if the metric cannot measure the table, and `per_keypoint`, which
is called alike and gives {name: [K] values}, NaN where a keypoint has none. `own_labels = True` says that each row must
have labels of its own, so that `raypose check` refuses it for a detector's boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from raypose.errors import RayPoseError
from raypose.metrics.auc import AUC
from raypose.metrics.beyond import beyond, with_more
from raypose.metrics.coco_ap import CocoAP
from raypose.metrics.crowdpose_ap import CrowdPoseAP
from raypose.metrics.distance import EPE, NME
from raypose.metrics.pck import PCK, PCKh
from raypose.metrics.results import coco_results
from raypose.registry import METRICS

if TYPE_CHECKING:
    from raypose.data import KeypointTable

__all__ = [
    "AUC",
    "EPE",
    "NME",
    "PCK",
    "CocoAP",
    "CrowdPoseAP",
    "PCKh",
    "beyond",
    "check",
    "coco_results",
    "evaluate",
    "per_keypoint",
    "with_more",
]

Configurations = Iterable[Mapping[str, Any]]


def check(metrics: Configurations, table: KeypointTable) -> None:
    """What would go wrong in `evaluate` for any predictions, before there are some.

    Raises:
        RayPoseError: all metrics that cannot be built or cannot measure this table, and why.
    """
    problems = []
    for cfg in metrics:
        try:
            if (fits := getattr(METRICS.build(cfg), "check", None)) is not None:
                fits(table)
        except RayPoseError as error:
            problems += error.problems
    if problems:
        raise RayPoseError(problems)


def evaluate(
    metrics: Configurations, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray
) -> dict[str, float]:
    """All metrics of some predictions.

    Args:
        metrics: configurations, such as `[{"type": "CocoAP"}, {"type": "PCK", "threshold": 0.2}]`.
        keypoints: [N,K,2], (x, y) in pixels of the original images.
        scores: [N,K].

    Raises:
        RayPoseError: unknown or unfit metrics, two that give the same name, or shapes that do not fit the table.
    """
    _check_shapes(table, keypoints, scores)
    values: dict[str, float] = {}
    for cfg in metrics:
        found = METRICS.build(cfg)(table, keypoints, scores)
        twice = sorted(values.keys() & found.keys())
        if twice:
            raise RayPoseError(f"two metrics give '{twice[0]}'", hint="give one another `name`", rule="duplicate-name")
        values |= {name: float(value) for name, value in found.items()}
    return values


def per_keypoint(
    metrics: Configurations, table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray
) -> dict[str, dict[str, float]]:
    """The values of each keypoint, of those metrics that have some; arguments and errors are those of `evaluate`.

    Example:
        >>> per_keypoint([{"type": "PCK"}], table, keypoints, scores)
        {'PCK': {'nose': 0.97, 'tail': 0.81}}
    """
    _check_shapes(table, keypoints, scores)
    built = [METRICS.build(cfg) for cfg in metrics]
    found = [each.per_keypoint(table, keypoints, scores) for each in built if hasattr(each, "per_keypoint")]
    return {
        metric: dict(zip(table.info.names, values.tolist(), strict=True))
        for each in found
        for metric, values in each.items()
    }


def _check_shapes(table: KeypointTable, keypoints: np.ndarray, scores: np.ndarray) -> None:
    if keypoints.shape != (*table.keypoints.shape[:2], 2) or scores.shape != keypoints.shape[:2]:
        got = f"keypoints {keypoints.shape} and scores {scores.shape}"
        raise RayPoseError(f"got {got} for a table of {table.keypoints.shape}", rule="wrong-shape")
