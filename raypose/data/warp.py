"""Crops taken from pixels: by OpenCV one by one on a CPU, by one `grid_sample` of the whole batch on a device.

Both follow one affine matrix a sample, see what lies outside of the pixels as the colour that the model takes for 0, change
colours, blank what is erased, and normalise. They agree within the error of interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from raypose.data.color import color_matrices
from raypose.data.geometry import invert

# Of ImageNet's red, green and blue, in 0..255: what pretrained backbones expect.
MEAN = np.array([123.675, 116.28, 103.53])
STD = np.array([58.395, 57.12, 57.375])
_OUTSIDE = (124, 116, 104)  # what the model sees as 0, as near as uint8 has it


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
        image = cv2.warpAffine(pixels, matrix, crops.size, flags=cv2.INTER_LINEAR, borderValue=_OUTSIDE)
        if crops.color is not None:
            image = cv2.transform(image, color_matrices(crops.color[i : i + 1], np.array([cv2.mean(image)[:3]]))[0])
        if crops.erased is not None and crops.erased[i, 2] > 0:
            left, top, right, bottom = _corners(crops.erased[i : i + 1], crops.size)[0]
            image[top:bottom, left:right] = _OUTSIDE
        cv2.transform(image.astype(np.float32), _NORMALIZE, dst=out[i])


def normalize(images: np.ndarray) -> Tensor:
    """uint8 [N,H,W,3] to float32 [N,3,H,W], channels last in memory, with ImageNet's mean and deviation."""
    out = np.empty(images.shape, np.float32)
    for image, normal in zip(images, out, strict=True):
        cv2.transform(image.astype(np.float32), _NORMALIZE, dst=normal)
    return torch.from_numpy(out).permute(0, 3, 1, 2)


# A third of the time of torch's broadcasting over a last dimension of 3.
_NORMALIZE = np.column_stack([np.diag(1 / STD), -MEAN / STD])


@dataclass(frozen=True)
class Packed:
    """Crops as tensors that can be sent to a device at once: `pixels` uint8 [N,h,w,3], those of smaller crops in the upper
    left corner."""

    pixels: Tensor
    inverse: Tensor  # [N,2,3] float32: pixels of the input to those of `pixels`
    size: tuple[int, int]
    color: Tensor | None
    erased: Tensor | None  # [N,4] left, top, right, bottom in pixels

    @classmethod
    def of(cls, crops: Crops, pin: bool) -> Packed:
        """`pin` puts them where a GPU can fetch them by itself."""
        sizes = np.array([each.shape[:2] for each in crops.pixels])
        pixels = torch.empty((len(crops), *sizes.max(0).tolist(), 3), dtype=torch.uint8, pin_memory=pin)
        pixels[:] = torch.tensor(_OUTSIDE, dtype=torch.uint8)
        for i, each in enumerate(crops.pixels):
            pixels.numpy()[i, : each.shape[0], : each.shape[1]] = each
        color = None if crops.color is None else _tensor(crops.color, pin)
        erased = None if crops.erased is None else _tensor(_corners(crops.erased, crops.size), pin)
        return cls(pixels, _tensor(invert(crops.matrices), pin), crops.size, color, erased)


def warp_together(packed: Packed, device: str) -> Tensor:
    """float32 [N,3,H,W] on the device, normalised."""
    pixels, inverse = (each.to(device, non_blocking=True) for each in (packed.pixels, packed.inverse))
    outside = _constant(_OUTSIDE, device)
    # Zeros, which lie outside of what is sampled, stand for that colour.
    image = functional.grid_sample(
        pixels.permute(0, 3, 1, 2) - outside, _grid(inverse, packed.size, pixels.shape[1:3]), align_corners=False
    )
    image = image + outside
    if packed.color is not None:
        image = _recolor(image, packed.color.to(device, non_blocking=True))
    if packed.erased is not None:
        image = torch.where(_inside(packed.erased.to(device, non_blocking=True), packed.size), outside, image)
    return ((image - _constant(MEAN, device)) / _constant(STD, device)).contiguous(memory_format=torch.channels_last)


def _grid(inverse: Tensor, size: tuple[int, int], shape: Sequence[int]) -> Tensor:
    """[N,H,W,2] where in the pixels each pixel of the input lies, from -1 to 1 as grid_sample wants it."""
    x = torch.arange(size[0], device=inverse.device, dtype=torch.float32)
    y = torch.arange(size[1], device=inverse.device, dtype=torch.float32)[:, None]
    # Not as a product of matrices, which GPUs round to 10 bits by default.
    places = [
        row[:, 0, None, None] * x + row[:, 1, None, None] * y + row[:, 2, None, None] for row in inverse.unbind(1)
    ]
    return torch.stack([(2 * at + 1) / length - 1 for at, length in zip(places, reversed(shape), strict=True)], dim=-1)


def _recolor(image: Tensor, color: Tensor) -> Tensor:
    """`color_matrices`, applied: float [N,3,H,W] in 0..255."""
    brightness, contrast, saturation = (each[:, None, None, None] for each in color.unbind(1))
    luma = _luma(image)
    image = saturation * image + (1 - saturation) * luma
    return (brightness * (contrast * image + (1 - contrast) * luma.mean((2, 3), keepdim=True))).clamp(0, 255)


def _luma(image: Tensor) -> Tensor:
    red, green, blue = image.split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _corners(erased: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[N,4] left, top, right, bottom in whole pixels, of rectangles in parts of the input."""
    both = np.concatenate([erased[:, :2], erased[:, :2] + erased[:, 2:]], axis=1)
    return np.round(both * np.tile(size, 2)).astype(np.int64)


def _inside(corners: Tensor, size: tuple[int, int]) -> Tensor:
    """[N,1,H,W] which pixels lie in rectangles."""
    left, top, right, bottom = (each[:, None, None] for each in corners.unbind(1))
    x = torch.arange(size[0], device=corners.device)
    y = torch.arange(size[1], device=corners.device)[:, None]
    return ((x >= left) & (x < right) & (y >= top) & (y < bottom))[:, None]


def _constant(values: Sequence[float] | np.ndarray, device: str) -> Tensor:
    constant = torch.tensor(list(values), dtype=torch.float32)[:, None, None]
    return constant.to(device, non_blocking=True)


def _tensor(values: np.ndarray, pin: bool) -> Tensor:
    tensor = torch.from_numpy(values.astype(np.float32))
    return tensor.pin_memory() if pin else tensor
