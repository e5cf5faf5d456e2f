"""Which part of its image each instance needs, and at which size: arithmetic on boxes, without pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from raypose.data.augment import half_body_boxes
from raypose.data.crops.needs import Needs
from raypose.data.geometry import fitting
from raypose.data.table import KeypointTable

# Pixels are kept at this many times the resolution of an input that shows the whole box, so that taking a crop from them
# is no second loss.
OVERSAMPLED = 1.5
BORDER = 2  # pixels that interpolation reads beyond a crop
_FARTHEST = 2**29  # pixels from the image's corner, so that int32 holds all sums


@dataclass(frozen=True)
class Regions:
    """`rect` [N,4] int32: x, y, width, height in the original images, beyond whose edges they may go; `zoom` [N] float32:
    how much the pixels are reduced, 1 at most."""

    rect: np.ndarray
    zoom: np.ndarray

    @classmethod
    def of(cls, table: KeypointTable, needs: Needs) -> Regions:
        """What each row of a table needs."""
        return cls.around([*_boxes(table, needs)], needs)

    @classmethod
    def around(cls, boxes: Sequence[np.ndarray], needs: Needs) -> Regions:
        """What rows need that are seen by boxes [N,4] float64, one after the other; the first are the instances' own."""
        low, high = np.full((len(boxes[0]), 2), np.inf), np.full((len(boxes[0]), 2), -np.inf)
        for bbox in boxes:
            for size in needs.input_sizes:
                center, reach = _reach(bbox, np.array(size, float), needs)
                low, high = np.minimum(low, center - reach), np.maximum(high, center + reach)
        first = np.clip(np.floor(low) - BORDER, -_FARTHEST, _FARTHEST)
        last = np.clip(np.ceil(high) + BORDER, -_FARTHEST, _FARTHEST)
        return cls(np.concatenate([first, last - first + 1], axis=1).astype(np.int32), _zoom(boxes[0], needs))

    def covers(self, other: Regions) -> bool:
        """Whether all that `other` needs is in these."""
        ends, others = self.rect[:, :2] + self.rect[:, 2:], other.rect[:, :2] + other.rect[:, 2:]
        inside = (self.rect[:, :2] <= other.rect[:, :2]).all() and (ends >= others).all()
        return bool(inside and (self.zoom >= other.zoom * 0.999).all())

    def bytes(self, table: KeypointTable) -> int:
        """How much space they take at most, as uint8 of three channels; less where images' sizes are not known."""
        size = self.rect[:, 2:].astype(float)
        if table.sizes is not None:
            images = table.sizes[table.image_index]
            size = np.minimum(self.rect[:, :2] + size, images) - np.maximum(self.rect[:, :2], 0)
        return int((np.maximum(size * self.zoom[:, None], 1).prod(1) * 3).sum())


def cut(image: np.ndarray, rect: np.ndarray, zoom: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image uint8 [H,W,3] within `rect`, reduced by area, and the matrix [2,3] from pixels of the image to
    pixels of the part. Of what lies outside of the image nothing is kept, but one pixel always."""
    height, width = image.shape[:2]
    left, top = np.clip(rect[:2], 0, (width - 1, height - 1))
    right, bottom = np.clip(rect[:2] + rect[2:], (left + 1, top + 1), (width, height))
    part = image[top:bottom, left:right]
    old = np.array([right - left, bottom - top])
    new = np.maximum(np.round(old * zoom), 1).astype(int) if zoom < 1 else old
    if (new < old).any():
        part = cv2.resize(part, (int(new[0]), int(new[1])), interpolation=cv2.INTER_AREA)
    ratio = new / old
    # Pixel centres are at integers: the part's left edge is at -0.5.
    offset = (0.5 - np.array([left, top])) * ratio - 0.5
    return part, np.column_stack([np.diag(ratio), offset])


def _boxes(table: KeypointTable, needs: Needs) -> Iterator[np.ndarray]:
    yield table.bbox.astype(float)
    if needs.half_body:
        for half in (0, 1):
            chosen = np.full(len(table), half)
            yield half_body_boxes(table.bbox, table.keypoints, table.info, chosen).astype(float)


def _reach(bbox: np.ndarray, size: np.ndarray, needs: Needs) -> tuple[np.ndarray, np.ndarray]:
    """Centers [N,2] of boxes, and how far from them [N,2] a crop of them for an input of `size` may go."""
    zoom = fitting(bbox, size)[:, None]
    # A shift moves the crop within its own, rotated frame: as if it were as much larger on both sides.
    half = size / zoom * needs.padding[1] * (1 + needs.scale) * (1 + 2 * needs.shift) / 2
    steepest = np.arctan2(half[:, ::-1], half)  # where a corner is straight to the right, or straight below
    angle = np.minimum(np.deg2rad(needs.rotation), steepest)
    reach = half * np.cos(angle) + half[:, ::-1] * np.sin(angle)
    return bbox[:, :2] + (bbox[:, 2:] - 1) / 2, reach


def _zoom(bbox: np.ndarray, needs: Needs) -> np.ndarray:
    closest = max(OVERSAMPLED, 1 / max(1 - needs.scale, 0.1)) / needs.padding[0]
    most = np.max([fitting(bbox, np.array(size, float)) for size in needs.input_sizes], axis=0)
    return np.clip(most * closest, 1 / _FARTHEST, 1).astype(np.float32)
