"""Boxes by image, of a COCO annotation file or of a detector's results, for images that people name."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from raypose.data import coco_file
from raypose.data.coco_file import Record, some
from raypose.data.coco_table import boxes_around
from raypose.data.detections import is_box, is_number
from raypose.data.image_files import ImageFile
from raypose.data.records import Records
from raypose.data.table import DatasetInfo
from raypose.errors import Problem, RayPoseError

logger = logging.getLogger("raypose")


@dataclass(frozen=True)
class Boxes:
    """Those of an image: `bbox` float32 [N,4] x, y, width, height; `scores` [N] of a detector's; `image_id` as in the file,
    None where it has none."""

    bbox: np.ndarray
    scores: np.ndarray | None = None
    image_id: Any = None


def read_boxes(path: Path, info: DatasetInfo, score: float = 0.0) -> dict[str, Boxes]:
    """Boxes by `file_name`, or by the image's id as text where the file has no names.

    Args:
        path: a COCO annotation file, or a list of {image_id or file_name, bbox, score}: COCO's results, or ours.
        info: of categories, those are taken whose name or keypoints these are; all if there is none.
        score: the lowest score of a detector's box that is taken.

    Raises:
        RayPoseError: the file cannot be read, or holds no such boxes.

    Example:
        >>> read_boxes(Path("annotations/val.json"), info)["clip0/0001.png"].bbox.shape
        (2, 4)
    """
    content = coco_file.load(path, "boxes file", hint="give a COCO annotation file, or a list of detections")
    if isinstance(content, list):
        return _detected(path, content, score)
    return _annotated(coco_file.as_coco(path, content), info)


def match(boxes: dict[str, Boxes], images: Sequence[ImageFile], path: Path) -> list[Boxes | None]:
    """The boxes of each image: those of the name that its path ends with, else of the id that its name is, as in
    `000000000139.jpg`. None for an image that the file does not know.

    Raises:
        RayPoseError: no image is known, or several could be the same one of the file.
    """
    names = [_name(boxes, each) for each in images]
    by_name: dict[str, list[str]] = {}
    for name, image in zip(names, images, strict=True):
        if name is not None:
            by_name.setdefault(name, []).append(image.name)
    if not by_name:
        hint = f"it has {some(sorted(boxes))}; the images are {some([each.name for each in images])}"
        raise RayPoseError(
            Problem("none of the images is in the boxes file", str(path), hint=hint, rule="unknown-image")
        )
    if several := {name: files for name, files in by_name.items() if len(files) > 1}:
        name, files = next(iter(several.items()))
        message = f"'{name}' could be several of the images: {some(files)}"
        raise RayPoseError(Problem(message, str(path), hint="give its own images alone", rule="ambiguous-image"))
    return [None if name is None else boxes[name] for name in names]


def _name(boxes: dict[str, Boxes], image: ImageFile) -> str | None:
    parts = PurePosixPath(Path(os.path.abspath(image.path)).as_posix()).parts
    ends = [str(PurePosixPath(*parts[start:])) for start in range(len(parts))]
    stem = image.path.stem
    number = str(int(stem)) if stem.isdecimal() else stem
    return next((end for end in [*ends, stem, number] if end in boxes), None)


def _annotated(content: dict[str, list[Record]], info: DatasetInfo) -> dict[str, Boxes]:
    ours = [each.get("id") for each in content["categories"] if _is_ours(each, info)]
    rows: dict[Any, list[Record]] = {each.get("id"): [] for each in content["images"]}
    for each in content["annotations"]:
        if not each.get("iscrowd") and (not ours or each.get("category_id") in ours) and each.get("image_id") in rows:
            rows[each["image_id"]].append(each)
    return {
        str(PurePosixPath(image["file_name"])): Boxes(_bbox(rows[image.get("id")], info), image_id=image.get("id"))
        for image in content["images"]
        if image.get("file_name")
    }


def _is_ours(category: Record, info: DatasetInfo) -> bool:
    return category.get("name") == info.category or tuple(category.get("keypoints") or ()) == tuple(info.names)


def _bbox(annotations: list[Record], info: DatasetInfo) -> np.ndarray:
    """[N,4]; a box that is not given is that of the keypoints, and who has neither is left out."""
    if not annotations:
        return np.zeros((0, 4), np.float32)
    records = Records([], annotations, len(info.names))
    given, keypoints = records.bbox, np.nan_to_num(records.keypoints)
    there, labelled = np.all(given[:, 2:] > 0, axis=1), (keypoints[:, :, 2] > 0).any(1)
    bbox = np.where(there[:, None], given, boxes_around(np.where(labelled[:, None, None], keypoints, [0, 0, 1])))
    return bbox[there | labelled].astype(np.float32)


def _detected(path: Path, content: list[Any], score: float) -> dict[str, Boxes]:
    wrong = [i for i, each in enumerate(content) if not _is_detection(each)]
    if wrong:
        message = (
            f"a detection has image_id or file_name, bbox of 4 numbers, and score, but not so entries {some(wrong)}"
        )
        raise RayPoseError(Problem(message, str(path), hint="entries count from 0", rule="detections"))
    if len(kinds := sorted({str(each["category_id"]) for each in content if "category_id" in each})) > 1:
        message = f"it has boxes of categories {some(kinds)}, and all of them are looked into"
        logger.warning("%s", Problem(message, str(path), hint="leave those of one", rule="detections", level="warning"))
    found: dict[str, list[Record]] = {}
    for each in content:
        found.setdefault(_image_of(each), []).append(each)
    return {name: _of_image([each for each in rows if each["score"] >= score], rows[0]) for name, rows in found.items()}


def _of_image(rows: list[Record], first: Record) -> Boxes:
    bbox = np.array([each["bbox"] for each in rows], np.float32).reshape(-1, 4)
    return Boxes(bbox, np.array([each["score"] for each in rows], np.float32), first.get("image_id"))


def _is_detection(each: Any) -> bool:
    return (
        isinstance(each, dict) and bool(_image_of(each)) and is_box(each.get("bbox")) and is_number(each.get("score"))
    )


def _image_of(each: Record) -> str:
    """What a detection calls its image, empty where it does not."""
    name, id_ = each.get("file_name"), each.get("image_id")
    if isinstance(name, str) and name:
        return str(PurePosixPath(name))
    return str(id_) if isinstance(id_, str | int) else ""
