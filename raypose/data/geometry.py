"""Between original images and the model's input: one affine matrix an instance holds the crop and its augmentation.

Pixel centres are at integers, so that a box (x, y, w, h) covers the pixels x .. x+w-1 and has its centre at
x + (w-1)/2; an image of W x H pixels has its centre at ((W-1)/2, (H-1)/2), and flipping maps x to W-1-x.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def crop_matrices(
    bbox: np.ndarray,
    input_size: tuple[int, int],
    padding: float = 1.25,
    *,
    rotation: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    shift: ArrayLike = (0.0, 0.0),
    flip: ArrayLike = False,
) -> np.ndarray:
    """[N,2,3] float64 matrices from pixels of the original images to pixels of the input.

    The crop has the input's aspect ratio, the box's centre, and `padding` times the box's size. Each of the others is
    one value, or one an instance.

    Args:
        bbox: [N,4] x, y, width, height in pixels.
        input_size: width, height.
        rotation: degrees that the content turns clockwise around the crop's centre.
        scale: the crop is this many times larger, its content smaller.
        shift: [N,2] how far the content moves, in fractions of the input's width and height.
        flip: whether left and right are mirrored, after all the rest.

    Example:
        >>> crop_matrices(np.array([[0, 0, 64, 64]]), (64, 64), padding=1)[0]
        array([[1., 0., 0.],
               [0., 1., 0.]])
    """
    bbox, size = np.asarray(bbox, np.float64), np.asarray(input_size, np.float64)
    zoom = fitting(bbox, size) / (padding * np.asarray(scale, np.float64))
    angle = np.deg2rad(np.asarray(rotation, np.float64))
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    matrices = np.empty((len(bbox), 2, 3))
    matrices[:, 0, 0], matrices[:, 0, 1] = cos, -sin
    matrices[:, 1, 0], matrices[:, 1, 1] = sin, cos
    center = bbox[:, :2] + (bbox[:, 2:] - 1) / 2
    moved = np.einsum("nij,nj->ni", matrices[:, :, :2], center)
    matrices[:, :, 2] = (size - 1) / 2 + np.asarray(shift, np.float64) * size - moved
    mirrored = np.broadcast_to(np.asarray(flip, bool), len(bbox))
    matrices[mirrored, 0] *= -1
    matrices[mirrored, 0, 2] += size[0] - 1
    return matrices


def fitting(bbox: np.ndarray, size: np.ndarray) -> np.ndarray:
    """[N] by how much boxes [N,4] are enlarged to just fit into `size` (width, height); those below a pixel as if they were
    one."""
    return (size / np.maximum(bbox[:, 2:], 1)).min(axis=1)


def invert(matrices: np.ndarray) -> np.ndarray:
    """[N,2,3] matrices of the opposite way."""
    linear = np.linalg.inv(matrices[:, :, :2])
    return np.concatenate([linear, -linear @ matrices[:, :, 2:]], axis=2)


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """[N,2,3] matrices that do what `first` does, then what `second` does."""
    linear = second[:, :, :2] @ first[:, :, :2]
    return np.concatenate([linear, second[:, :, :2] @ first[:, :, 2:] + second[:, :, 2:]], axis=2)


def transform(points: Array, matrices: Array) -> Array:
    """[N,K,2] points through [N,2,3] matrices; numpy arrays or tensors.

    With `Batch.inverse`, predicted keypoints become pixels of the original images.
    """
    return (matrices[:, None, :, :2] * points[:, :, None, :]).sum(-1) + matrices[:, None, :, 2]
