"""The images and annotations of a COCO keypoints file in arrays, as far as they can be read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from raypose.data.coco_file import Record


@dataclass(frozen=True)
class Records:
    """M images and N annotations of K keypoints. `folder` is that of the image files; without it, they are not looked for.
    `every_image`: also those in which nobody is labelled are used.

    What cannot be read is NaN; what is not given is 0, a size infinite.

    Example:
        >>> Records(content["images"], content["annotations"], 17).keypoints.shape
        (120, 17, 3)
    """

    images: Sequence[Record]
    annotations: Sequence[Record]
    num_keypoints: int
    folder: Path | None = None
    every_image: bool = False

    @cached_property
    def image_ids(self) -> list[Hashable]:
        """[M] None where there is none that could be looked up."""
        return [_id(each.get("id")) for each in self.images]

    @cached_property
    def image_row(self) -> np.ndarray:
        """[N] int: the first image of that id, or -1."""
        rows = {id_: row for row, id_ in reversed([*enumerate(self.image_ids)]) if id_ is not None}
        return np.array([rows.get(_id(each.get("image_id")), -1) for each in self.annotations], int)

    @cached_property
    def ambiguous(self) -> np.ndarray:
        """[M] bool: the same id again, or an id that stands for several files."""
        files = {(id_, str(each.get("file_name"))) for id_, each in zip(self.image_ids, self.images, strict=True)}
        several = Counter(id_ for id_, _ in files)
        return np.array([id_ is not None and several[id_] > 1 for id_ in self.image_ids], bool) | again(self.image_ids)

    @cached_property
    def sizes(self) -> np.ndarray:
        """[M,2] width and height."""
        given = [[_size(each.get("width")), _size(each.get("height"))] for each in self.images]
        return np.array(given, float).reshape(-1, 2)

    @cached_property
    def image_size(self) -> np.ndarray:
        """[N,2] that of each annotation's image; infinite where it is not known."""
        found = np.vstack([self.sizes, [[np.inf, np.inf]]])[self.image_row]
        return np.where(found > 0, found, np.inf)

    @cached_property
    def keypoint_numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """[N,3K], and [N] bool: as many numbers as there must be."""
        return _numbers([each.get("keypoints") for each in self.annotations], 3 * self.num_keypoints)

    @cached_property
    def keypoints(self) -> np.ndarray:
        """[N,K,3] x, y and visibility."""
        return self.keypoint_numbers[0].reshape(len(self.annotations), self.num_keypoints, 3)

    @cached_property
    def bbox(self) -> np.ndarray:
        """[N,4]"""
        return _numbers([each.get("bbox") for each in self.annotations], 4)[0]

    @cached_property
    def area(self) -> np.ndarray:
        """[N]"""
        return _numbers([[each["area"]] if each.get("area") else None for each in self.annotations], 1)[0][:, 0]

    @cached_property
    def visible(self) -> np.ndarray:
        """[N,K] bool: labelled keypoints."""
        return self.keypoints[:, :, 2] > 0

    @cached_property
    def labelled(self) -> np.ndarray:
        """[N] bool: those that are learnt from, or would be if their keypoints could be read."""
        crowd = np.array([bool(each.get("iscrowd")) for each in self.annotations], bool)
        return ~crowd & (self.visible.any(1) | ~self.keypoint_numbers[1])

    @cached_property
    def missing(self) -> np.ndarray:
        """[M] bool: images that are used, whose file is not there."""
        used = np.full(len(self.images), self.every_image)
        used[self.image_row[self.labelled & (self.image_row >= 0)]] = True
        return np.array([used[row] and not self._is_file(each) for row, each in enumerate(self.images)], bool)

    def _is_file(self, image: Record) -> bool:
        name = image.get("file_name")
        if self.folder is None or not isinstance(name, str) or not name:
            return True  # another rule's
        return os.path.isfile(os.path.join(self.folder, name))


def again(ids: Sequence[Hashable]) -> np.ndarray:
    """[N] bool: the id came before. None is none.

    Example:
        >>> again([1, 2, 1, None, None]).tolist()
        [False, False, True, False, False]
    """
    first: dict[Hashable, int] = {}
    return np.array([first.setdefault(id_, row) != row and id_ is not None for row, id_ in enumerate(ids)], bool)


def _id(value: Any) -> Hashable:
    return value if isinstance(value, int | float | str) else None


def _size(value: Any) -> float:
    if not value:
        return np.inf
    return float(value) if isinstance(value, int | float) and 0 < value < np.inf else np.nan


def _numbers(values: Sequence[Any], count: int) -> tuple[np.ndarray, np.ndarray]:
    """[N,count] float64, 0 where nothing is given, and [N] bool: whether it is so many numbers; else it is NaN."""
    given = [each or [0.0] * count for each in values]
    fits = np.array([isinstance(each, list) and len(each) == count for each in given], bool)
    found = np.full((len(given), count), np.nan)
    rows = np.flatnonzero(fits)
    numbers = chain.from_iterable(given[row] for row in rows)
    try:
        found[rows] = np.fromiter(numbers, float, count * len(rows)).reshape(-1, count)
    except (TypeError, ValueError):  # somewhere in it is no number
        for row in rows:
            fits[row] = _fill(found[row], given[row])
    return found, fits


def _fill(row: np.ndarray, values: list[Any]) -> bool:
    try:
        row[:] = np.array(values, float)
    except (TypeError, ValueError):
        return False
    return True
