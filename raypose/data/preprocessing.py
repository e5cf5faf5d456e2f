"""From an image and boxes in it to what a model takes: the crops of validation, for images that are in no table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from raypose.data import geometry
from raypose.data.crops.needs import Needs
from raypose.data.crops.regions import Regions, cut
from raypose.data.pixels import decode
from raypose.data.sampling import Packed, warp_together
from raypose.data.warp import MEAN, OUTSIDE, STD, Crops, seen, warp_one_by_one
from raypose.errors import RayPoseError

Image = str | Path | np.ndarray


@dataclass(frozen=True)
class Preprocessing:
    """How a model's input is made: a crop around each box, `padding` times its size in the aspect of `input_size` (width,
    height), of RGB in 0..255 from which `mean` is taken, divided by `std`. Beyond the image it sees the colour `outside`.

    Example:
        >>> crops, inverse = Preprocessing((192, 256), 1.25)("frame.jpg", [[10, 20, 110, 240]])
        >>> crops.shape, inverse.shape
        (torch.Size([1, 3, 256, 192]), (1, 2, 3))
    """

    input_size: tuple[int, int]
    padding: float
    mean: tuple[float, ...] = field(default=tuple(MEAN.tolist()), init=False)
    std: tuple[float, ...] = field(default=tuple(STD.tolist()), init=False)
    outside: tuple[int, int, int] = field(default=OUTSIDE, init=False)

    def __call__(self, image: Image, boxes: ArrayLike | None = None, device: str = "cpu") -> tuple[Tensor, np.ndarray]:
        """float32 [N,3,H,W] on the device, channels last in memory, and the matrices float32 [N,2,3] from their pixels to
        those of the image.

        Args:
            image: as `as_pixels` takes it.
            boxes: [N,4] x, y, width, height in its pixels; default: the whole image is one box.

        Raises:
            RayPoseError: the image cannot be read, or one of both is not of that kind.
        """
        pixels = as_pixels(image)
        bbox = as_boxes(boxes, pixels)
        matrices = geometry.crop_matrices(bbox, self.input_size, self.padding)
        if not len(bbox):
            return torch.zeros((0, 3, *self.input_size[::-1]), device=device), matrices.astype(np.float32)
        regions = Regions.around([bbox.astype(float)], Needs((self.input_size,), (self.padding, self.padding)))
        parts = [cut(pixels, rect, float(zoom)) for rect, zoom in zip(regions.rect, regions.zoom, strict=True)]
        onward = geometry.compose(matrices, geometry.invert(np.stack([matrix for _, matrix in parts])))
        crops = seen(Crops([part for part, _ in parts], onward, self.input_size))
        return _warped(crops, device), geometry.invert(matrices).astype(np.float32)


def as_pixels(image: Image) -> np.ndarray:
    """uint8 [H,W,3] in RGB of a file, or of an array that is uint8 [H,W,3] in RGB, [H,W,4], whose alpha is dropped, or grey:
    [H,W] or [H,W,1]. OpenCV's arrays are BGR: give `image[:, :, ::-1]`.

    Raises:
        RayPoseError: the file cannot be read, or the array is another one.
    """
    if isinstance(image, str | Path):
        return decode(image)
    shape = getattr(image, "shape", None)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or not _is_picture(shape):
        got = f"{getattr(image, 'dtype', type(image).__name__)}{'' if shape is None else f' {tuple(shape)}'}"
        message = f"an image must be a path or a uint8 array [height, width, 3] in RGB, but got {got}"
        raise RayPoseError(message, hint=_hint(image, shape), rule="wrong-image")
    if image.ndim == 2 or image.shape[2] == 1:
        image = np.broadcast_to(image.reshape(*image.shape[:2], 1), (*image.shape[:2], 3))
    return np.ascontiguousarray(image[:, :, :3])


def as_boxes(boxes: ArrayLike | None, image: np.ndarray) -> np.ndarray:
    """float32 [N,4] x, y, width, height; for None the box of all of the `image` [H,W,3].

    Raises:
        RayPoseError: it has another shape, or a box that is not finite or empty.
    """
    if boxes is None:
        return np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)
    try:
        found = np.asarray(boxes, np.float32)
    except (TypeError, ValueError):
        raise RayPoseError(f"boxes must be numbers [N,4], but got {boxes!r}", rule="wrong-boxes") from None
    found = found.reshape(0, 4) if not found.size else found
    if found.ndim != 2 or found.shape[1] != 4:
        hint = "one box is [[x, y, width, height]]" if found.shape == (4,) else ""
        raise RayPoseError(f"boxes must have the shape [N,4], but got {found.shape}", hint=hint, rule="wrong-boxes")
    wrong = ~np.isfinite(found).all(1) | (found[:, 2:] <= 0).any(1)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        message = f"a box must be x, y, width > 0, height > 0, but box {at} is {found[at].tolist()}"
        raise RayPoseError(message, hint="are these corners? then give width = x2 - x1, height = y2 - y1",
                           rule="wrong-boxes")  # fmt: skip
    return found


def _is_picture(shape: Any) -> bool:
    return len(shape) in (2, 3) and min(shape) > 0 and (len(shape) == 2 or shape[2] in (1, 3, 4))


def _hint(image: Any, shape: Any) -> str:
    if not isinstance(image, np.ndarray):
        return "numpy.asarray(image) makes an array of a PIL image or of a tensor on the CPU"
    if len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3, 4):
        return "channels come last: image.transpose(1, 2, 0)"
    if image.dtype == np.uint16:
        return "the upper 8 bits are (image >> 8).astype('uint8')"
    return "values in 0..1 become (image * 255).round().astype('uint8')" if image.dtype.kind == "f" else ""


def _warped(crops: Crops, device: str) -> Tensor:
    if torch.device(device).type != "cpu":
        return warp_together(Packed.of(crops, pin=False), device)
    out = np.empty((len(crops), *reversed(crops.size), 3), np.float32)
    warp_one_by_one(crops, out)
    return torch.from_numpy(out).permute(0, 3, 1, 2)
