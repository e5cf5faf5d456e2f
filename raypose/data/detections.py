"""Boxes that a detector found, in place of the labelled ones: COCO's results format.

Source: https://cocodataset.org/#format-results
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from raypose.data import coco_file
from raypose.data.coco_file import Record, some
from raypose.data.table import KeypointTable
from raypose.errors import Problem, RayPoseError

_KEYS = ("image_id", "category_id", "bbox", "score")


def read_detections(
    bbox_file: str, images: Collection[Any], categories: Collection[Any], score: float = 0.0
) -> list[Record]:
    """The entries of a JSON file, a list of {image_id, category_id, bbox: [x, y, width, height], score}.

    Args:
        images: ids of the images that there may be boxes in.
        categories: ids of the categories whose boxes are taken.
        score: the lowest score of a box that is taken.

    Raises:
        RayPoseError: the file cannot be read or isn't such a list, images that are not in `images`, or no such box.

    Example:
        >>> len(read_detections("COCO_val2017_detections_AP_H_56_person.json", range(1, 600_000), [1]))
        104125
    """
    path = Path(bbox_file)
    known = _read(path, {id_ for id_ in images if isinstance(id_, Hashable)})
    found = [each for each in known if each["category_id"] in categories]
    taken = [each for each in found if each["score"] >= score]
    if not taken:
        said = f"the {len(found)} boxes of the category score less than {score}" if found else "no box of the category"
        raise RayPoseError(Problem(f"nothing detected: {said}", str(path), rule="no-detections"))
    return taken


def with_detections(truth: KeypointTable, boxes: Sequence[Record]) -> KeypointTable:
    """The table of those boxes that lie in the images of `truth`, which it keeps as its `truth`.

    Raises:
        RayPoseError: there is none.

    Example:
        >>> with_detections(table, read_detections("boxes.json", table.image_ids.tolist(), [1], 0.05)).box_scores.min()
        0.05
    """
    row = {id_: i for i, id_ in enumerate(truth.image_ids.tolist())}
    taken = [each for each in boxes if each["image_id"] in row]
    if not taken:
        message = f"nothing detected: none of {len(boxes)} boxes is in one of the {len(row)} images that can be used"
        raise RayPoseError(message, rule="no-detections")
    bbox = np.array([each["bbox"] for each in taken], np.float32)
    return replace(
        truth,
        image_index=np.array([row[each["image_id"]] for each in taken]),
        bbox=bbox,
        keypoints=np.zeros((len(taken), len(truth.info.names), 3), np.float32),
        area=bbox[:, 2] * bbox[:, 3],
        ids=np.arange(1, len(taken) + 1),
        ignored=[],
        box_scores=np.array([each["score"] for each in taken], np.float32),
        head_size=None,
        truth=truth,
    )


def _read(path: Path, images: set[Any]) -> list[Record]:
    content = coco_file.load(path, "detections file")
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        hint = "is it an annotation file? that is ann_file" if isinstance(content, dict) else ""
        message = f"not a detections file: it must be a list of {{{', '.join(_KEYS)}}}"
        raise RayPoseError(Problem(message, str(path), hint=hint, rule="detections"))
    whole = [each for each in content if all(key in each for key in _KEYS)]
    checks: list[tuple[list[Any], str, str]] = [
        ([i for i, each in enumerate(content) if any(key not in each for key in _KEYS)],
         f"detections need {', '.join(_KEYS)}, but entries (from 0) lack some:", "detections"),
        ([i for i, each in enumerate(content) if "bbox" in each and not is_box(each["bbox"])],
         "a bbox must be 4 numbers, the last two positive, but is not in entries (from 0)", "bbox"),
        ([i for i, each in enumerate(content) if "score" in each and not is_number(each["score"])],
         "a score must be a number, but is not in entries (from 0)", "detections"),
        ([*dict.fromkeys(str(id_) for id_ in map(itemgetter("image_id"), whole) if not _is_in(id_, images))],
         "the annotation file does not list images", "unknown-image"),
    ]  # fmt: skip
    problems = [Problem(f"{what} {some(which)}", str(path), rule=rule) for which, what, rule in checks if which]
    if problems:
        raise RayPoseError(problems)
    return content


def _is_in(id_: Any, images: set[Any]) -> bool:
    return isinstance(id_, int | float | str) and id_ in images


def is_box(bbox: Any) -> bool:
    return isinstance(bbox, list) and len(bbox) == 4 and all(map(is_number, bbox)) and min(bbox[2:]) > 0


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
