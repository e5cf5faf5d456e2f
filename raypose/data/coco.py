"""Datasets in COCO's keypoints format, of any category with any keypoints.

Source: https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raypose.data import coco_file
from raypose.data.coco_file import Record
from raypose.data.grouping import image_groups
from raypose.data.info import tells_info
from raypose.data.keypoint_info import Keypoint, make_info
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.errors import Problem, RayPoseError
from raypose.registry import DATASETS

# A box that is not given is that of the keypoints, larger by this part of its longer side, or by these pixels if that
# is more, on every side.
_BOX_MARGIN, _BOX_MIN_MARGIN = 0.15, 5.0


def coco_info(ann_file: str, img_prefix: str = "", group_by: str | None = None, **keypoints: Any) -> DatasetInfo:
    """What the keypoints of `CocoKeypoints` with these arguments are."""
    return _read(Path(ann_file), **keypoints)[0]


@DATASETS.register_module()
@tells_info(coco_info)
def CocoKeypoints(
    ann_file: str,
    img_prefix: str,
    category: str | None = None,
    names: list[str] | None = None,
    flip_pairs: list[tuple[Keypoint, Keypoint]] | None = None,
    sigmas: float | list[float] | None = None,
    skeleton: list[tuple[Keypoint, Keypoint]] | None = None,
    group_by: str | None = None,
) -> KeypointTable:
    """A COCO keypoints file as it is. Crowds and objects without keypoints are `ignored`, as COCO's evaluation does.

    A box that is missing is derived from the keypoints, an area that is missing from the box.

    Args:
        ann_file: the JSON file.
        img_prefix: the folder that the images' `file_name` is relative to.
        category: the category's name, where the file has several with different keypoints.
        names: the keypoints' names, in place of the category's.
        flip_pairs: left and right keypoints, by name or by index from 0; by default taken from the names.
        sigmas: of OKS, one for all or one a keypoint; by default COCO's for COCO's 17 keypoints, else 0.05.
        skeleton: pairs of keypoints for drawing, by name or by index from 0; by default the category's.
        group_by: which images a split keeps together: a key of the images' records, `folder`, or `file_name_prefix`
            (the file name without the number at its end: the frames of one video).

    Raises:
        RayPoseError: the file, its content or the image files are not what they should be.

    Example:
        >>> CocoKeypoints("annotations/person_keypoints_val2017.json", "val2017").keypoints.shape
        (6352, 17, 3)
    """
    path, folder = Path(ann_file), Path(img_prefix)
    info, all_images, annotations = _read(path, category, names, flip_pairs, sigmas, skeleton)
    people = [each for each in annotations if not each.get("iscrowd") and _is_labelled(each)]
    if not people:
        message = f"nothing to learn from: none of {len(annotations)} annotations has labelled keypoints"
        raise RayPoseError(Problem(message, str(path), rule="empty-dataset"))
    used = {each["image_id"] for each in people}
    images = [image for image in all_images if image["id"] in used]
    paths = [folder / image["file_name"] for image in images]
    coco_file.check_files(path, folder, paths)

    keypoints = np.stack([_keypoints(each) for each in people])
    bbox = _boxes(people, keypoints)
    row = {image["id"]: i for i, image in enumerate(images)}
    return KeypointTable(
        paths=[str(each) for each in paths],
        image_index=np.array([row[each["image_id"]] for each in people]),
        bbox=bbox,
        keypoints=keypoints,
        area=np.array(
            [each.get("area") or box[2] * box[3] for each, box in zip(people, bbox, strict=True)], np.float32
        ),
        ids=np.array([each["id"] for each in people]),
        image_ids=np.array(list(row)),
        groups=image_groups(path, images, group_by),
        info=info,
        sizes=_sizes(images),
        ignored=[_as_ignored(each, 3 * len(info.names)) for each in annotations if _is_ignored(each, used)],
    )


def _read(
    path: Path, category: str | None = None, names: list[str] | None = None, *keypoints: Any, **named: Any
) -> tuple[DatasetInfo, list[Record], list[Record]]:
    """The keypoints of a file as `make_info` takes them, its images, and the annotations of the chosen category."""
    content = coco_file.read_json(path)
    categories = coco_file.choose_categories(path, content["categories"], category, names is not None)
    info = make_info(categories[0], names, *keypoints, **named)
    chosen = {each.get("id") for each in categories}
    annotations = _with_ids([each for each in content["annotations"] if each.get("category_id") in chosen])
    coco_file.check_annotations(path, annotations, content["images"], len(info.names))
    return info, content["images"], annotations


def _with_ids(annotations: list[Record]) -> list[Record]:
    """COCO's evaluation needs ids that differ and are not 0; where they are not so, all are numbered from 1."""
    ids = [each.get("id") for each in annotations]
    if all(isinstance(id_, int) and id_ > 0 for id_ in ids) and len(set(ids)) == len(ids):
        return annotations
    return [{**each, "id": i} for i, each in enumerate(annotations, start=1)]


def _is_labelled(annotation: Record) -> bool:
    return any(_keypoints(annotation)[:, 2] > 0) if annotation.get("keypoints") else False


def _is_ignored(annotation: Record, images: set[Any]) -> bool:
    return annotation["image_id"] in images and bool(annotation.get("iscrowd") or not _is_labelled(annotation))


def _as_ignored(annotation: Record, count: int) -> Record:
    bbox = annotation.get("bbox") or [0.0] * 4
    given = {"bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0, "keypoints": [0] * count, "num_keypoints": 0}
    return {**given, **{key: value for key, value in annotation.items() if value}, "category_id": 1}


def _keypoints(annotation: Record) -> np.ndarray:
    """[K,3]; a keypoint without finite coordinates is not labelled."""
    keypoints = np.array(annotation["keypoints"], np.float32).reshape(-1, 3)
    keypoints[~np.isfinite(keypoints).all(1)] = 0
    return keypoints


def _boxes(people: Sequence[Record], keypoints: np.ndarray) -> np.ndarray:
    bbox = np.array([each.get("bbox") or [0] * 4 for each in people], np.float32)
    unlabelled = keypoints[:, :, 2:] <= 0
    low = np.where(unlabelled, np.inf, keypoints[:, :, :2]).min(1)
    high = np.where(unlabelled, -np.inf, keypoints[:, :, :2]).max(1)
    margin = np.maximum((high - low).max(1, keepdims=True) * _BOX_MARGIN, _BOX_MIN_MARGIN)
    derived = np.concatenate([low - margin, high - low + 2 * margin], axis=1).astype(np.float32)
    return np.where((bbox[:, 2:] > 0).all(1, keepdims=True), bbox, derived)


def _sizes(images: Sequence[Record]) -> np.ndarray | None:
    sizes = [(image.get("width"), image.get("height")) for image in images]
    return np.array(sizes) if all(width and height for width, height in sizes) else None
