"""Records of COCO's format as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from raypose.data.bad_samples import OnBadSample, good_samples
from raypose.data.coco_file import Record
from raypose.data.grouping import image_groups
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.errors import Problem, RayPoseError

# A box that is not given is that of the keypoints, larger by this part of its longer side, or by these pixels if that
# is more, on every side.
_BOX_MARGIN, _BOX_MIN_MARGIN = 0.15, 5.0


def make_table(
    path: Path,
    folder: Path,
    info: DatasetInfo,
    images: list[Record],
    annotations: list[Record],
    group_by: str | None = None,
    on_bad_sample: OnBadSample = "error",
    *,
    every_image: bool = False,
) -> KeypointTable:
    """The table of the labelled instances among `annotations`; the others, and crowds, are `ignored`.

    Args:
        path: the file that the records are from, for messages.
        folder: what the images' `file_name` is relative to.
        on_bad_sample: what is done with records that cannot be used, see `bad_samples`.
        every_image: also of images without a labelled instance.

    Raises:
        RayPoseError: nothing is labelled, or records cannot be used.
    """
    images, annotations = good_samples(path, images, annotations, len(info.names), folder, on_bad_sample, every_image)
    annotations = _with_ids(annotations)
    labels = [_labels(each) for each in annotations]
    found = [(each, points) for each, points in zip(annotations, labels, strict=True) if points is not None]
    if not found:
        message = f"nothing to learn from: none of {len(annotations)} annotations has labelled keypoints"
        raise RayPoseError(Problem(message, str(path), rule="empty-dataset"))
    people, keypoints = [each for each, _ in found], np.stack([points for _, points in found])
    used = {each["image_id"] for each in people}
    images = [image for image in images if every_image or image["id"] in used]
    row = {image["id"]: i for i, image in enumerate(images)}
    others = [each for each, points in zip(annotations, labels, strict=True) if points is None]
    paths = [folder / image["file_name"] for image in images]
    bbox = _boxes(people, keypoints)
    area = [each.get("area") or box[2] * box[3] for each, box in zip(people, bbox, strict=True)]
    return KeypointTable(
        paths=[str(each) for each in paths],
        image_index=np.array([row[each["image_id"]] for each in people]),
        bbox=bbox,
        keypoints=keypoints,
        area=np.array(area, np.float32),
        ids=np.array([each["id"] for each in people]),
        image_ids=np.array(list(row)),
        groups=image_groups(path, images, group_by),
        info=info,
        sizes=_sizes(images),
        ignored=[as_ignored(each, len(info.names)) for each in others if each["image_id"] in row],
        head_size=_one_column(people, "head_size"),
        crowd_index=_one_column(images, "crowdIndex"),
    )


def _with_ids(annotations: list[Record]) -> list[Record]:
    """COCO's evaluation needs ids that differ and are not 0; where they are not so, all are numbered from 1."""
    ids = [each.get("id") for each in annotations]
    if all(isinstance(id_, int) and id_ > 0 for id_ in ids) and len(set(ids)) == len(ids):
        return annotations
    return [{**each, "id": i} for i, each in enumerate(annotations, start=1)]


def as_ignored(annotation: Record, num_keypoints: int) -> Record:
    """An annotation of a crowd, or without labelled keypoints, with all that COCO's evaluation reads of it."""
    bbox = annotation.get("bbox") or [0.0] * 4
    unlabelled = {"keypoints": [0] * 3 * num_keypoints, "num_keypoints": 0}
    given = {"bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0, **unlabelled}
    return {**given, **{key: value for key, value in annotation.items() if value}, "category_id": 1}


def _labels(annotation: Record) -> np.ndarray | None:
    """[K,3] of an instance with labelled keypoints; one without finite coordinates is not labelled."""
    if annotation.get("iscrowd") or not annotation.get("keypoints"):
        return None
    keypoints = np.array(annotation["keypoints"], np.float32).reshape(-1, 3)
    keypoints[~np.isfinite(keypoints).all(1)] = 0
    return keypoints if (keypoints[:, 2] > 0).any() else None


def _boxes(people: Sequence[Record], keypoints: np.ndarray) -> np.ndarray:
    bbox = np.array([each.get("bbox") or [0] * 4 for each in people], np.float32)
    unlabelled = keypoints[:, :, 2:] <= 0
    low = np.where(unlabelled, np.inf, keypoints[:, :, :2]).min(1)
    high = np.where(unlabelled, -np.inf, keypoints[:, :, :2]).max(1)
    margin = np.maximum((high - low).max(1, keepdims=True) * _BOX_MARGIN, _BOX_MIN_MARGIN)
    derived = np.concatenate([low - margin, high - low + 2 * margin], axis=1).astype(np.float32)
    return np.where((bbox[:, 2:] > 0).all(1, keepdims=True), bbox, derived)


def _sizes(images: Sequence[Record]) -> np.ndarray | None:
    """[M,2] width and height; None if an image lacks them, or they are 0 as in some converted files."""
    sizes = _column(images, "width", "height")
    return sizes.astype(np.int64) if sizes is not None and sizes.all() else None


def _column(records: Sequence[Record], *keys: str) -> np.ndarray | None:
    """What all records have under the keys; None if one of them lacks it."""
    values = [[record.get(key) for key in keys] for record in records]
    return None if any(value is None for row in values for value in row) else np.array(values)


def _one_column(records: Sequence[Record], key: str) -> np.ndarray | None:
    values = _column(records, key)
    return None if values is None else values[:, 0].astype(np.float64)
