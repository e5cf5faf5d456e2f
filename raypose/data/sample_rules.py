"""What must hold of the images and annotations of a COCO keypoints file, so that they can be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from raypose.data.coco_file import Record
from raypose.data.records import Records, again

# Labelled keypoints may lie outside of their image by this part of its longer side: people guess where what is cut off
# would be, but not farther away.
_FAR = 0.25
# Numbers beyond these are none: float32 would not tell neighbouring pixels apart long before.
_HUGE = 1e9


@dataclass(frozen=True)
class Rule:
    """What holds of good images or annotations; `broken` gives a mask of those of which it doesn't."""

    name: str
    of: Literal["images", "annotations"]
    text: str  # goes on with what breaks it
    broken: Callable[[Records], np.ndarray]
    hint: str = ""


def _nameless(records: Records) -> np.ndarray:
    names = [each.get("file_name") for each in records.images]
    return np.array([not name or not isinstance(name, str) for name in names], bool)


def _keypoint_outside(records: Records) -> np.ndarray:
    size = records.image_size[:, None]
    known = np.isfinite(size)
    margin = np.where(known, _FAR * size.max(2, keepdims=True, where=known, initial=0), np.inf)
    points = records.keypoints[:, :, :2]
    far = np.isfinite(points) & ((points < -margin) | (points > np.where(known, size, 0) - 1 + margin))
    return (records.visible & far.any(2)).any(1)


def _bbox_outside(records: Records) -> np.ndarray:
    low, high = records.bbox[:, :2], records.bbox[:, :2] + records.bbox[:, 2:]
    given = records.labelled & (records.bbox[:, 2:] > 0).all(1)
    return given & ((high <= 0) | (low >= records.image_size)).any(1)


def _given_id(annotation: Record) -> Any:
    value = annotation.get("id")
    return value if isinstance(value, int | str) else None


RULES = (
    Rule("image-id", "images", "no id, a number or a text, in images",
         lambda r: np.array([id_ is None for id_ in r.image_ids], bool)),
    Rule("duplicate-image", "images", "the same id in images", lambda r: r.ambiguous),
    Rule("file-name", "images", "no file_name in images", _nameless),
    Rule("image-size", "images", "width and height must be positive numbers, but are not in images",
         lambda r: np.isnan(r.sizes).any(1)),
    Rule("image-missing", "images", "{bad} of {all} image files are missing under {folder}: those of images",
         lambda r: r.missing,
         "are file_name and img_prefix right?"),
    Rule("keypoint-count", "annotations", "keypoints must be 3 x {K} numbers, but are not in annotations",
         lambda r: ~r.keypoint_numbers[1]),
    Rule("keypoint-number", "annotations", "labelled keypoints must have finite coordinates, but have none in annotations",
         lambda r: (r.visible & ~(np.abs(r.keypoints) < _HUGE).all(2)).any(1),
         "the visibility of what is not labelled is 0"),
    Rule("keypoint-outside", "annotations",
         f"labelled keypoints lie outside of the image by more than {_FAR:g} of its longer side in annotations",
         _keypoint_outside, "are they in pixels of this image, x before y?"),
    Rule("bbox", "annotations", "a bbox must be 4 finite numbers, but is not in annotations",
         lambda r: ~(np.abs(r.bbox) < _HUGE).all(1)),
    Rule("bbox-area", "annotations", "the width and height of a bbox must be positive, but are not in annotations",
         lambda r: r.labelled & (r.bbox != 0).any(1) & (r.bbox[:, 2:] <= 0).any(1),
         "a bbox is x, y, width, height; without one, it is derived from the keypoints"),
    Rule("bbox-outside", "annotations", "the bbox lies outside of the image in annotations", _bbox_outside),
    Rule("area", "annotations", "the area must be a finite number that is not negative, but is not in annotations",
         lambda r: ~((r.area >= 0) & (r.area < _HUGE**2)),
         "without one, it is that of the bbox"),
    Rule("duplicate-annotation", "annotations", "the same id as an earlier one in annotations",
         lambda r: again([_given_id(each) for each in r.annotations])),
    Rule("unknown-image", "annotations", "'images' lacks the images of annotations", lambda r: r.image_row < 0),
)  # fmt: skip
