"""Records of COCO's format as a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import compress
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
    records = good_samples(path, images, annotations, len(info.names), folder, on_bad_sample, every_image)
    numbered, labelled = _with_ids(records.annotations), records.labelled
    if not labelled.any():
        message = f"nothing to learn from: none of {len(numbered)} annotations has labelled keypoints"
        raise RayPoseError(Problem(message, str(path), rule="empty-dataset"))
    used = np.unique(records.image_row[labelled]) if not every_image else np.arange(len(records.images))
    images = [records.images[row] for row in used.tolist()]
    image_ids = [image["id"] for image in images]
    people = list(compress(numbered, labelled))
    keypoints, bbox = _keypoints(records.keypoints[labelled]), records.bbox[labelled]
    bbox = np.where((bbox[:, 2:] > 0).all(1, keepdims=True), bbox, boxes_around(keypoints)).astype(np.float32)
    area, there = records.area[labelled], set(image_ids)
    others = [each for each in compress(numbered, ~labelled) if each["image_id"] in there]
    return KeypointTable(
        paths=[os.path.join(folder, image["file_name"]) for image in images],
        image_index=np.searchsorted(used, records.image_row[labelled]),
        bbox=bbox,
        keypoints=keypoints,
        area=np.where(area > 0, area, bbox[:, 2] * bbox[:, 3]).astype(np.float32),
        ids=np.array([each["id"] for each in people]),
        image_ids=np.array(image_ids),
        groups=image_groups(path, images, group_by),
        info=info,
        sizes=_sizes(images),
        ignored=[as_ignored(each, len(info.names)) for each in others],
        head_size=_column(people, "head_size"),
        crowd_index=_column(images, "crowdIndex"),
    )


def _with_ids(annotations: Sequence[Record]) -> Sequence[Record]:
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


def _keypoints(given: np.ndarray) -> np.ndarray:
    """[N,K,3] float32; what has no finite coordinates is not labelled."""
    return np.where(np.isfinite(given).all(2, keepdims=True), given, 0).astype(np.float32)


def boxes_around(keypoints: np.ndarray) -> np.ndarray:
    """[N,4] around the labelled ones of keypoints [N,K,3]."""
    unlabelled = keypoints[:, :, 2:] <= 0
    low = np.where(unlabelled, np.inf, keypoints[:, :, :2]).min(1)
    high = np.where(unlabelled, -np.inf, keypoints[:, :, :2]).max(1)
    margin = np.maximum((high - low).max(1, keepdims=True) * _BOX_MARGIN, _BOX_MIN_MARGIN)
    return np.concatenate([low - margin, high - low + 2 * margin], axis=1)


def _sizes(images: Sequence[Record]) -> np.ndarray | None:
    """[M,2] width and height; None if an image lacks them, or they are 0 as in some converted files."""
    columns = _column(images, "width"), _column(images, "height")
    sizes = np.stack(columns, axis=1) if columns[0] is not None and columns[1] is not None else None  # type: ignore[arg-type]
    return sizes.astype(np.int64) if sizes is not None and sizes.all() else None


def _column(records: Sequence[Record], key: str) -> np.ndarray | None:
    """[N] float64 what all records have under the key; None if one of them lacks it."""
    values = [record.get(key) for record in records]
    return None if None in values else np.array(values, np.float64)
