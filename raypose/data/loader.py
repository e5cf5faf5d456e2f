"""Batches of crops, the next one prepared in the background while the model works on this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor

from raypose.config import Augment
from raypose.data import geometry
from raypose.data.augment import Draw, draw, recolor
from raypose.data.pixels import PixelReader
from raypose.data.table import KeypointTable

T = TypeVar("T")

# Of ImageNet's red, green and blue, in 0..255: what pretrained backbones expect.
MEAN = np.array([123.675, 116.28, 103.53])
STD = np.array([58.395, 57.12, 57.375])
_OUTSIDE = (124, 116, 104)  # what the model sees as 0, as near as uint8 has it


@dataclass(frozen=True)
class Batch:
    """N crops. Coordinates are pixels of the input."""

    image: Tensor  # [N,3,H,W] float32, normalised, channels last in memory
    keypoints: Tensor  # [N,K,2] float32
    visible: Tensor  # [N,K] float32: 1 where labelled and inside the crop, else 0
    index: np.ndarray  # [N] int64 rows of the table
    inverse: np.ndarray  # [N,2,3] float32: pixels of the input to pixels of the original image


class Batches:
    """A table's instances as batches of crops.

    `len()` is the number of batches in a training epoch; `threads` more threads decode and warp images.
    torch's DataLoader would do the same with processes, whose start costs more than an epoch of a small data set.

    Example:
        >>> batches = Batches(table, PixelReader(), input_size=(192, 256), batch_size=32, augment=Augment())
        >>> for batch in batches.epoch(np.random.default_rng([seed, epoch])): ...  # training
        >>> for batch in batches.epoch(): ...  # validation
    """

    def __init__(
        self,
        table: KeypointTable,
        reader: PixelReader,
        input_size: tuple[int, int],
        batch_size: int,
        padding: float = 1.25,
        augment: Augment | None = None,
        threads: int = 1,
    ) -> None:
        self.table, self.reader, self.augment = table, reader, augment
        self.input_size, self.batch_size, self.padding = input_size, batch_size, padding
        self.threads = threads

    def __len__(self) -> int:
        return max(1, len(self.table) // self.batch_size)

    def epoch(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass: with a generator, shuffled and augmented by it, without the incomplete last batch; else in order,
        unchanged and complete. The generator alone decides what comes, not `threads`."""
        with ThreadPoolExecutor(1 + self.threads, thread_name_prefix="raypose-batches") as pool:
            batches = (self._load(rows, drawn, pool) for rows, drawn in self._plan(rng))
            yield from _ahead(batches, pool)

    def _plan(self, rng: np.random.Generator | None) -> Iterator[tuple[np.ndarray, Draw | None]]:
        order = np.arange(len(self.table)) if rng is None else rng.permutation(len(self.table))
        end = len(order) if rng is None or len(order) < self.batch_size else len(self) * self.batch_size
        for start in range(0, end, self.batch_size):
            rows = order[start : start + self.batch_size]
            drawn = None
            if rng is not None and self.augment is not None:
                bbox, keypoints = self.table.bbox[rows], self.table.keypoints[rows]
                drawn = draw(rng, self.augment, bbox, keypoints, self.table.info)
            yield rows, drawn

    def _load(self, rows: np.ndarray, drawn: Draw | None, pool: ThreadPoolExecutor) -> Batch:
        bbox, changes = self.table.bbox[rows], {}
        if drawn is not None:
            bbox = drawn.bbox
            changes = {"rotation": drawn.rotation, "scale": drawn.scale, "shift": drawn.shift, "flip": drawn.flip}
        matrices = geometry.crop_matrices(bbox, self.input_size, self.padding, **changes)
        paths = [self.table.paths[i] for i in self.table.image_index[rows]]
        colors = repeat(None) if drawn is None else drawn.color
        crops = np.stack(list(pool.map(self._crop, paths, matrices, colors)))
        keypoints, visible = self._keypoints(rows, matrices, drawn)
        return Batch(normalize(crops), keypoints, visible, rows, geometry.invert(matrices).astype(np.float32))

    def _crop(self, path: str, matrix: np.ndarray, color: np.ndarray | None) -> np.ndarray:
        image = self.reader.read(path)
        crop = cv2.warpAffine(image, matrix, self.input_size, flags=cv2.INTER_LINEAR, borderValue=_OUTSIDE)
        return crop if color is None else recolor(crop, color)

    def _keypoints(self, rows: np.ndarray, matrices: np.ndarray, drawn: Draw | None) -> tuple[Tensor, Tensor]:
        keypoints = self.table.keypoints[rows]
        if drawn is not None:
            swapped = keypoints[:, self.table.info.flip_order]
            keypoints = np.where(drawn.flip[:, None, None], swapped, keypoints)
        points = geometry.transform(keypoints[:, :, :2].astype(np.float64), matrices)
        inside = ((points >= -0.5) & (points <= np.subtract(self.input_size, 0.5))).all(-1)
        visible = inside & (keypoints[:, :, 2] > 0)
        return torch.from_numpy(points.astype(np.float32)), torch.from_numpy(visible.astype(np.float32))


def normalize(crops: np.ndarray) -> Tensor:
    """uint8 [N,H,W,3] to float32 [N,3,H,W], channels last in memory, with ImageNet's mean and deviation."""
    n, height, width, _ = crops.shape
    matrix = np.column_stack([np.diag(1 / STD), -MEAN / STD])
    # A third of the time of torch's broadcasting over a last dimension of 3.
    pixels = cv2.transform(crops.reshape(n * height, width, 3).astype(np.float32), matrix)
    return torch.from_numpy(pixels).reshape(n, height, width, 3).permute(0, 3, 1, 2)


def _ahead(items: Iterator[T], pool: ThreadPoolExecutor) -> Iterator[T]:
    """The items, the next one made by a thread of the pool; what it raises is raised here."""
    pending = pool.submit(next, items, None)
    while (item := pending.result()) is not None:
        pending = pool.submit(next, items, None)
        yield item
