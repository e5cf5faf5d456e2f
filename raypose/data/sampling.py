"""Crops of a whole batch taken at once on a device, which gets their pixels in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from raypose.data.geometry import invert
from raypose.data.warp import MEAN, OUTSIDE, STD, Crops, corners


@dataclass(frozen=True)
class Packed:
    """Crops as tensors that can be sent to a device at once. The pixels of all lie one after the other, since crops of one
    batch differ so much in size that a box around the largest of them would be mostly empty."""

    pixels: Tensor  # [P,3] uint8; the first one is what lies outside of all others
    starts: Tensor  # [N,3] int64: each crop's first pixel, width and height
    inverse: Tensor  # [N,2,3] float32: pixels of the input to those of the crop
    size: tuple[int, int]
    color: Tensor | None
    erased: Tensor | None  # [N,4] left, top, right, bottom in pixels

    @classmethod
    def of(cls, crops: Crops, pin: bool) -> Packed:
        """`pin` puts them where a GPU can fetch them by itself."""
        heights, widths = np.array([each.shape[:2] for each in crops.pixels], np.int64).T
        ends = 1 + np.cumsum(heights * widths)
        pixels = torch.empty((int(ends[-1]), 3), dtype=torch.uint8, pin_memory=pin)
        outside = np.array([OUTSIDE], np.uint8)
        np.concatenate([outside, *(each.reshape(-1, 3) for each in crops.pixels)], out=pixels.numpy())
        starts = _tensor(np.column_stack([ends - heights * widths, widths, heights]), pin)
        color = None if crops.color is None else _tensor(crops.color.astype(np.float32), pin)
        erased = None if crops.erased is None else _tensor(corners(crops.erased, crops.size), pin)
        return cls(pixels, starts, _tensor(invert(crops.matrices).astype(np.float32), pin), crops.size, color, erased)


def warp_together(packed: Packed, device: str) -> Tensor:
    """float32 [N,3,H,W] on the device, normalised, channels last in memory.

    Not by torch's `grid_sample`, which wants crops of one size.
    """
    tensors = (packed.pixels, packed.starts, packed.inverse)
    pixels, starts, inverse = (each.to(device, non_blocking=True) for each in tensors)
    image = _sampled(pixels, starts, inverse, packed.size)
    if packed.color is not None:
        image = _recolor(image, packed.color.to(device, non_blocking=True))
    if packed.erased is not None:
        erased = _inside(packed.erased.to(device, non_blocking=True), packed.size)
        image = torch.where(erased, _constant(OUTSIDE, device), image)
    return ((image - _constant(MEAN, device)) / _constant(STD, device)).contiguous(memory_format=torch.channels_last)


def _sampled(pixels: Tensor, starts: Tensor, inverse: Tensor, size: tuple[int, int]) -> Tensor:
    """float32 [N,3,H,W] in 0..255, by bilinear interpolation."""
    start, width, height = (each[:, None, None] for each in starts.unbind(1))
    x, y = _places(inverse, size)
    x, y = x.clamp(min=-1).minimum(width), y.clamp(min=-1).minimum(height)  # what is farther out is the same
    image = torch.zeros((*x.shape, 3), device=x.device)
    for column in (x.floor(), x.floor() + 1):
        for row in (y.floor(), y.floor() + 1):
            weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            at = torch.where(inside, start + row.long() * width + column.long(), 0)
            image += weight[..., None] * pixels[at]
    return image.permute(0, 3, 1, 2)


def _places(inverse: Tensor, size: tuple[int, int]) -> list[Tensor]:
    """x [N,H,W] and y [N,H,W]: where in its crop each pixel of the input lies."""
    x = torch.arange(size[0], device=inverse.device, dtype=torch.float32)
    y = torch.arange(size[1], device=inverse.device, dtype=torch.float32)[:, None]
    # Not as a product of matrices, which GPUs round to 10 bits by default.
    return [row[:, 0, None, None] * x + row[:, 1, None, None] * y + row[:, 2, None, None] for row in inverse.unbind(1)]


def _recolor(image: Tensor, color: Tensor) -> Tensor:
    """`color_matrices`, applied: float [N,3,H,W] in 0..255."""
    brightness, contrast, saturation = (each[:, None, None, None] for each in color.unbind(1))
    luma = _luma(image)
    image = saturation * image + (1 - saturation) * luma
    return (brightness * (contrast * image + (1 - contrast) * luma.mean((2, 3), keepdim=True))).clamp(0, 255)


def _luma(image: Tensor) -> Tensor:
    red, green, blue = image.split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _inside(rectangles: Tensor, size: tuple[int, int]) -> Tensor:
    """[N,1,H,W] which pixels lie in rectangles."""
    left, top, right, bottom = (each[:, None, None] for each in rectangles.unbind(1))
    x = torch.arange(size[0], device=rectangles.device)
    y = torch.arange(size[1], device=rectangles.device)[:, None]
    return ((x >= left) & (x < right) & (y >= top) & (y < bottom))[:, None]


def _constant(values: Sequence[float] | np.ndarray, device: str) -> Tensor:
    constant = torch.tensor(list(values), dtype=torch.float32)[:, None, None]
    return constant.to(device, non_blocking=True)


def _tensor(values: np.ndarray, pin: bool) -> Tensor:
    tensor = torch.from_numpy(values)
    return tensor.pin_memory() if pin else tensor
