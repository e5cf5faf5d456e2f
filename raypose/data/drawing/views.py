"""Parts of images, enlarged so that thin lines show on small crops."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from torch import Tensor

from raypose.data import geometry

Array = TypeVar("Array", np.ndarray, Tensor)

_BESIDE = (58, 62, 68)  # where a region reaches beyond its image


def enlarge(image: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray]:
    """`image` [h,w,3] at `height` rows, and the [2,3] matrix from its pixels to the new ones.

    Example:
        >>> crop, matrix = enlarge(np.zeros((128, 96, 3), np.uint8), 256)
        >>> crop.shape, moved(np.zeros((1, 2)), matrix)
        ((256, 192, 3), array([[0.5, 0.5]]))
    """
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    how = cv2.INTER_CUBIC if height > image.shape[0] else cv2.INTER_AREA
    scale = np.array([width / image.shape[1], height / image.shape[0]])
    return cv2.resize(image, (width, height), interpolation=how), np.column_stack([np.diag(scale), (scale - 1) / 2])


def region(image: np.ndarray, bbox: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The part of `image` around `bbox` [4] (x, y, width, height) at `size` (width, height), and its [2,3] matrix.

    It is moved so that it lies in the image, or has all of it.
    """
    height, width = image.shape[:2]
    extent = np.array(size) / min(np.array(size) / np.maximum(bbox[2:], 1))  # the box, in the aspect of `size`
    corner = bbox[:2] + (bbox[2:] - extent) / 2
    room = np.array([width, height]) - extent
    corner = np.clip(corner, np.minimum(room, 0), np.maximum(room, 0))
    matrix = geometry.crop_matrices(np.concatenate([corner, extent])[None], size, padding=1.0)[0]
    if matrix[0, 0] < 0.5:  # a warp looks at four pixels; what is reduced more needs all that it covers
        image, first = enlarge(image, max(1, round(height * matrix[0, 0])))
        warp = matrix @ np.linalg.inv(np.vstack([first, [0, 0, 1]]))
    else:
        warp = matrix
    how = cv2.INTER_CUBIC if matrix[0, 0] > 1 else cv2.INTER_LINEAR
    return cv2.warpAffine(image, warp, size, flags=how, borderValue=_BESIDE), matrix


def moved(points: Array, matrix: Array) -> Array:
    """Points [K,2] through a [2,3] matrix."""
    return geometry.transform(points[None], matrix[None])[0]
