"""The pictures of one sample: in its image, and as a batch has it."""

from __future__ import annotations

import numpy as np

from raypose.data import Batch, KeypointTable
from raypose.data.drawing import Cell, draw_box, draw_pose, enlarge, moved, region
from raypose.data.warp import MEAN, STD

AROUND = 1.5  # the part of the image that is drawn is so much larger than the crop
BOX, CROP = (255, 255, 255), (255, 214, 10)


def original(image: np.ndarray, table: KeypointTable, plain: Batch, row: int, tall: int) -> Cell:
    """The surroundings of an instance as they are, `tall` pixels high and wide, with its box and its crop."""
    height, width = plain.image.shape[2:]
    crop = moved(_corners(np.array([0, 0, width, height])), plain.inverse[row])
    more = np.ptp(crop, axis=0) * (AROUND - 1) / 2
    low, high = crop.min(0), crop.max(0)
    end = np.array([image.shape[1], image.shape[0]]) - 0.5
    low, high = np.maximum(low - more, np.minimum(low, -0.5)), np.minimum(high + more, np.maximum(high, end))
    picture, matrix = region(image, np.concatenate([low, high - low]), (tall, tall))
    draw_box(picture, moved(crop, matrix), CROP)
    draw_box(picture, moved(_corners(table.bbox[row]), matrix), BOX)
    keypoints, zoom = table.keypoints[row], float(matrix[0, 0])
    size = np.clip(zoom * table.bbox[row, 2:].max() / 45, 1.5, 3.5)
    return Cell(draw_pose(picture, moved(keypoints[:, :2], matrix), keypoints[:, 2], table.info, size=float(size)))


def crop(table: KeypointTable, batch: Batch, at: int, tall: int, caption: str = "", numbers: bool = False) -> Cell:
    """Sample `at` of the batch, `tall` pixels high; the caption says how many labelled keypoints lie outside."""
    picture, matrix = enlarge(pixels(batch, at), tall)
    visible = batch.visible[at].numpy()
    cut = int((table.keypoints[batch.index[at], :, 2] > 0).sum() - (visible > 0).sum())
    drawn = draw_pose(picture, moved(batch.keypoints[at].numpy(), matrix), 2 * visible, table.info, numbers=numbers)
    return Cell(drawn, ", ".join(filter(None, [caption, f"{cut} cut off" if cut else ""])))


def pixels(batch: Batch, at: int) -> np.ndarray:
    """The input before it was normalised: uint8 [H,W,3]."""
    return np.clip(batch.image[at].permute(1, 2, 0).numpy() * STD + MEAN, 0, 255).round().astype(np.uint8)


def change(inverse: np.ndarray, plain: np.ndarray) -> str:
    """How a crop differs from the plain one: both are [2,3] matrices from the crop to the image.

    Example:
        >>> change(batch.inverse[0], plain.inverse[0])
        'flip, 12 deg, 0.90x'
    """
    linear = np.linalg.inv(inverse[:, :2].astype(np.float64)) @ plain[:, :2]
    flipped, size = np.linalg.det(linear) < 0, np.sqrt(abs(np.linalg.det(linear)))
    upright = np.diag([-1, 1]) @ linear if flipped else linear
    angle = round(float(np.rad2deg(np.arctan2(upright[1, 0], upright[0, 0]))))
    return f"{'flip, ' if flipped else ''}{angle} deg, {size:.2f}x"


def _corners(box: np.ndarray) -> np.ndarray:
    """[4,2] around the pixels of a box [4]."""
    x, y, width, height = box
    return np.array([[0, 0], [width, 0], [width, height], [0, height]]) + np.array([x - 0.5, y - 0.5])
