"""What is to be found, and what was found, as COCO's evaluation sees them: arrays, a row for each object or detection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from raypose.errors import RayPoseError

if TYPE_CHECKING:
    from raypose.data import KeypointTable

FAR = -1e4  # where a keypoint that is not finite counts as found, in pixels


@dataclass(frozen=True)
class Objects:
    """G labelled objects, with those that are neither to be found nor wrong to find."""

    image: np.ndarray  # [G] the place of its image among all, by COCO's id
    keypoints: np.ndarray  # [G,K,3] float64: x, y, visibility
    bbox: np.ndarray  # [G,4] float64: x, y, width, height
    area: np.ndarray  # [G] float64
    crowd: np.ndarray  # [G] bool: any number of detections may find it
    left_out: np.ndarray  # [G] bool: crowds, and what the annotation file has no keypoints of

    @property
    def ignored(self) -> np.ndarray:
        """[G] bool: without any labelled keypoint, or left out."""
        return self.left_out | ~(self.keypoints[..., 2] > 0).any(axis=1)

    @classmethod
    def of(cls, table: KeypointTable) -> Objects:
        """The instances of a table, or of its `truth`, and what it ignores."""
        table = labels(table)
        place, count = places(table), table.keypoints.shape[1]
        number = {id_: i for i, id_ in reversed([*enumerate(table.image_ids.tolist())])}
        ignored = [each for each in table.ignored if each["image_id"] in number]
        boxes = np.array([each.get("bbox", (0, 0, 0, 0)) for each in ignored], float).reshape(-1, 4)
        areas = [each.get("area", box[2] * box[3]) for each, box in zip(ignored, boxes, strict=True)]
        keypoints = np.array([_keypoints(each, count) for each in ignored], float).reshape(-1, count, 3)
        images = np.array([number[each["image_id"]] for each in ignored], int)
        own, others = np.zeros(len(table), bool), np.ones(len(ignored), bool)
        return cls(
            image=place[np.concatenate([table.image_index, images])],
            keypoints=np.concatenate([table.keypoints.astype(float), keypoints]),
            bbox=np.concatenate([table.bbox.astype(float), boxes]),
            area=np.concatenate([table.area.astype(float), areas]),
            crowd=np.concatenate([own, [bool(each.get("iscrowd")) for each in ignored]]).astype(bool),
            left_out=np.concatenate([own, others]),
        )

    def take(self, rows: np.ndarray) -> Objects:
        """Some of them, by indices or a mask."""
        return Objects(**{name: values[rows] for name, values in vars(self).items()})

    def only(self, keypoint: int) -> Objects:
        """The same as if no other keypoint was labelled."""
        keypoints = self.keypoints.copy()
        keypoints[:, np.arange(keypoints.shape[1]) != keypoint, 2] = 0
        return replace(self, keypoints=keypoints)


@dataclass(frozen=True)
class Detections:
    """N poses that were found."""

    image: np.ndarray  # [N] the place of its image among all, by COCO's id
    keypoints: np.ndarray  # [N,K,2] float64
    scores: np.ndarray  # [N] float64

    @property
    def area(self) -> np.ndarray:
        """[N] of the boxes around the keypoints."""
        return np.ptp(self.keypoints, axis=1).prod(axis=1)

    def take(self, rows: np.ndarray) -> Detections:
        """Some of them, by indices or a mask."""
        return Detections(**{name: values[rows] for name, values in vars(self).items()})


def places(table: KeypointTable) -> np.ndarray:
    """[M] the place of each image by its id, which COCO's evaluation goes by where scores are equal."""
    place = np.empty(len(table.paths), int)
    place[np.argsort(table.image_ids, kind="stable")] = np.arange(len(place))
    return place


def labels(table: KeypointTable) -> KeypointTable:
    """What is labelled in the images of a table: its own instances, unless a detector found those.

    Raises:
        RayPoseError: the table has other images than its `truth`.
    """
    if table.truth is None:
        return table
    if not np.array_equal(table.image_ids, table.truth.image_ids):
        message = f"{len(table.paths)} images with detections, {len(table.truth.paths)} with labels"
        raise RayPoseError(f"a table must have the same images as its `truth`, but got {message}", rule="wrong-shape")
    return table.truth


def _keypoints(annotation: Mapping[str, Any], count: int) -> np.ndarray:
    """[K,3] of an ignored object, whose keypoints may be missing."""
    given = np.asarray(annotation.get("keypoints") or (), float)
    return given.reshape(-1, 3) if given.size == 3 * count else np.zeros((count, 3))
