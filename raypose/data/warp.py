"""Crops taken from pixels by OpenCV, one by one, on a CPU; `sampling` takes them all at once on a device.

Both follow one affine matrix a sample, see what lies outside of the pixels as the colour that the model takes for 0, change
colours, blank what is erased, and normalise. They agree within the error of interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from raypose.data.color import color_matrices

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


def warp_one_by_one(crops: Crops, out: np.ndarray) -> None:
    """Into `out` [N,H,W,3] float32, normalised."""
    for i, (pixels, matrix) in enumerate(zip(crops.pixels, crops.matrices, strict=True)):
        image = cv2.warpAffine(pixels, matrix, crops.size, flags=cv2.INTER_LINEAR, borderValue=OUTSIDE)
        if crops.color is not None:
            image = cv2.transform(image, color_matrices(crops.color[i : i + 1], np.array([cv2.mean(image)[:3]]))[0])
        if crops.erased is not None and crops.erased[i, 2] > 0:
            left, top, right, bottom = corners(crops.erased[i : i + 1], crops.size)[0]
            image[top:bottom, left:right] = OUTSIDE
        cv2.transform(image.astype(np.float32), _NORMALIZE, dst=out[i])


def corners(erased: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[N,4] left, top, right, bottom in whole pixels, of rectangles in parts of the input."""
    both = np.concatenate([erased[:, :2], erased[:, :2] + erased[:, 2:]], axis=1)
    return np.round(both * np.tile(size, 2)).astype(np.int64)
