"""Crops taken from pixels by OpenCV, one by one, on a CPU; `sampling` takes them all at once on a device.

Both follow one affine matrix a sample, see what lies outside of the pixels as the colour that the model takes for 0, change
colours, blank what is erased, and normalise. They agree within the error of interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from raypose.data.color import color_matrices
from raypose.data.geometry import invert, transform

# Of ImageNet's red, green and blue, in 0..255: what pretrained backbones expect.
MEAN = np.array([123.675, 116.28, 103.53])
STD = np.array([58.395, 57.12, 57.375])
OUTSIDE = (124, 116, 104)  # what the model sees as 0, as near as uint8 has it
# A third of the time of torch's broadcasting over a last dimension of 3.
_NORMALIZE = np.column_stack([np.diag(1 / STD), -MEAN / STD])


@dataclass(frozen=True)
class Crops:
    """What N crops are made of.

    `pixels` are uint8 [h,w,3], each of its own size; `matrices` [N,2,3] lead from them to pixels of the input, of `size`
    (width, height). `color` [N,3] and `erased` [N,4] are as in `augment.Draw`, or None.
    """

    pixels: Sequence[np.ndarray]
    matrices: np.ndarray
    size: tuple[int, int]
    color: np.ndarray | None = None
    erased: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.pixels)


def seen(crops: Crops) -> Crops:
    """The same of the parts of the pixels that are seen: those that are kept have a margin for every augmentation."""
    width, height = crops.size
    ends = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], float)
    places = transform(np.broadcast_to(ends, (len(crops), 4, 2)), invert(crops.matrices))
    sizes = np.array([each.shape[1::-1] for each in crops.pixels])
    first = np.clip(np.floor(places.min(1)) - 1, 0, sizes - 1).astype(int)
    end = np.clip(np.ceil(places.max(1)) + 2, first + 1, sizes).astype(int)
    bounds = np.concatenate([first, end], axis=1).tolist()
    parts = [
        each[top:bottom, left:right] for each, (left, top, right, bottom) in zip(crops.pixels, bounds, strict=True)
    ]
    moved = crops.matrices.copy()
    moved[:, :, 2] += (moved[:, :, :2] @ first[:, :, None])[:, :, 0]
    return replace(crops, pixels=parts, matrices=moved)


def warp_one_by_one(crops: Crops, out: np.ndarray) -> None:
    """Into `out` [N,H,W,3] float32, normalised."""
    image, normal = np.empty(out.shape[1:], np.uint8), np.empty(out.shape[1:], np.float32)
    for i, (pixels, matrix) in enumerate(zip(crops.pixels, crops.matrices, strict=True)):
        # OpenCV takes less than half the time for four channels, the way there and back included.
        wide = cv2.warpAffine(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), matrix, crops.size, borderValue=OUTSIDE)
        cv2.cvtColor(wide, cv2.COLOR_RGBA2RGB, dst=image)
        if crops.color is not None:
            mean = np.array([cv2.mean(image)[:3]])
            cv2.transform(image, color_matrices(crops.color[i : i + 1], mean)[0], dst=image)
        if crops.erased is not None and crops.erased[i, 2] > 0:
            left, top, right, bottom = corners(crops.erased[i : i + 1], crops.size)[0]
            image[top:bottom, left:right] = OUTSIDE
        np.copyto(normal, image)
        cv2.transform(normal, _NORMALIZE, dst=out[i])


def corners(erased: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[N,4] left, top, right, bottom in whole pixels, of rectangles in parts of the input."""
    both = np.concatenate([erased[:, :2], erased[:, :2] + erased[:, 2:]], axis=1)
    return np.round(both * np.tile(size, 2)).astype(np.int64)
