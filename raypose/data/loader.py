"""Batches of crops, the next one prepared in the background while the model works on this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from raypose.config import Augment
from raypose.data import geometry
from raypose.data.ahead import one_ahead
from raypose.data.augment import Draw, draw
from raypose.data.crops import Pixels
from raypose.data.order import batches_of_rows, num_batches
from raypose.data.sampling import Packed, warp_together
from raypose.data.table import KeypointTable
from raypose.data.warp import Crops, seen, warp_one_by_one

_AT_A_TIME = 4  # crops that a thread makes before it asks for more


@dataclass(frozen=True)
class Batch:
    """N crops. Coordinates are pixels of the input."""

    image: Tensor  # [N,3,H,W] float32, normalised, channels last in memory
    keypoints: Tensor  # [N,K,2] float32
    visible: Tensor  # [N,K] float32: 1 where labelled and inside the crop, else 0
    index: np.ndarray  # [N] int64 rows of the table
    inverse: np.ndarray  # [N,2,3] float32: pixels of the input to pixels of the original image


@dataclass(frozen=True)
class Prepared:
    """A batch before its last step, which is the device's."""

    crops: Packed | Tensor
    keypoints: Tensor
    visible: Tensor
    index: np.ndarray
    inverse: np.ndarray


class Batches:
    """A table's instances as batches of crops, on `device`: a CPU makes them with `threads` threads, a GPU by itself.

    `len()` is the number of batches in a training epoch. Threads and not processes, whose start costs more than an epoch of
    a small data set: OpenCV and torch do their work without Python's lock.

    Example:
        >>> table, pixels = prepare(table, Needs.of(data, augmented=True))
        >>> batches = Batches(table, pixels, input_size=(192, 256), batch_size=32, augment=Augment())
        >>> for batch in batches.epoch(np.random.default_rng([seed, epoch])): ...  # training
        >>> for batch in batches.epoch(): ...  # validation
    """

    def __init__(
        self,
        table: KeypointTable,
        pixels: Pixels,
        input_size: tuple[int, int],
        batch_size: int,
        padding: float = 1.25,
        augment: Augment | None = None,
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        self.table, self.pixels, self.augment = table, pixels, augment
        self.input_size, self.batch_size, self.padding = input_size, batch_size, padding
        self.threads, self.device = threads, device
        self.one_by_one = torch.device(device).type == "cpu"
        self.pin = torch.device(device).type == "cuda"  # where a GPU can fetch it by itself

    def __len__(self) -> int:
        return num_batches(self.table, self.batch_size)

    def epoch(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass: with a generator, shuffled and augmented by it, without the incomplete last batch; else in order,
        unchanged and complete. The generator alone decides what comes, not `threads`."""
        self.pixels.touch()
        with ThreadPoolExecutor(1 + self.threads, thread_name_prefix="raypose-batches") as pool:
            prepared = (self._prepare(rows, drawn, pool) for rows, drawn in self._plan(rng))
            yield from (self._finish(each) for each in one_ahead(prepared, pool))

    def of(self, rows: np.ndarray) -> Batch:
        """Some rows of the table [N] as one batch, in order and unchanged."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="raypose-batches") as pool:
            return self._finish(self._prepare(np.asarray(rows), None, pool))

    def _plan(self, rng: np.random.Generator | None) -> Iterator[tuple[np.ndarray, Draw | None]]:
        for rows in batches_of_rows(self.table, self.batch_size, rng):
            drawn = None
            if rng is not None and self.augment is not None:
                bbox, keypoints = self.table.bbox[rows], self.table.keypoints[rows]
                drawn = draw(rng, self.augment, bbox, keypoints, self.table.info)
            yield rows, drawn

    def _prepare(self, rows: np.ndarray, drawn: Draw | None, pool: ThreadPoolExecutor) -> Prepared:
        bbox, changes = (self.table.bbox[rows], {}) if drawn is None else (drawn.bbox, drawn.changes)
        matrices = geometry.crop_matrices(bbox, self.input_size, self.padding, **changes)
        keypoints, visible = self._keypoints(rows, matrices, drawn)
        crops = self._crops(rows, matrices, drawn, pool)
        return Prepared(crops, keypoints, visible, rows, geometry.invert(matrices).astype(np.float32))

    def _crops(
        self, rows: np.ndarray, matrices: np.ndarray, drawn: Draw | None, pool: ThreadPoolExecutor
    ) -> Packed | Tensor:
        """Normalised images, or on their way to a device what it makes them of."""
        parts = [slice(start, start + _AT_A_TIME) for start in range(0, len(rows), _AT_A_TIME)]
        if not self.one_by_one:
            read = [each for part in pool.map(lambda part: self._read(rows[part]), parts) for each in part]
            return Packed.of(self._made_of(read, matrices, drawn, slice(None)), self.pin)
        out = np.empty((len(rows), *reversed(self.input_size), 3), np.float32)

        def warp(part: slice) -> None:
            warp_one_by_one(self._made_of(self._read(rows[part]), matrices[part], drawn, part), out[part])

        list(pool.map(warp, parts))
        return torch.from_numpy(out).permute(0, 3, 1, 2)

    def _read(self, rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        return [self.pixels.read(row) for row in rows]

    def _made_of(
        self, read: list[tuple[np.ndarray, np.ndarray]], matrices: np.ndarray, drawn: Draw | None, part: slice
    ) -> Crops:
        """`matrices` lead from original images to the input; those that are read, from there to their pixels."""
        onward = geometry.compose(matrices, geometry.invert(np.stack([matrix for _, matrix in read])))
        color = None if drawn is None else drawn.color[part]
        erased = None if drawn is None else drawn.erased[part]
        return seen(Crops([pixels for pixels, _ in read], onward, self.input_size, color, erased))

    def _keypoints(self, rows: np.ndarray, matrices: np.ndarray, drawn: Draw | None) -> tuple[Tensor, Tensor]:
        keypoints = self.table.keypoints[rows]
        if drawn is not None:
            swapped = keypoints[:, self.table.info.flip_order]
            keypoints = np.where(drawn.flip[:, None, None], swapped, keypoints)
        points = geometry.transform(keypoints[:, :, :2].astype(np.float64), matrices)
        inside = ((points >= -0.5) & (points <= np.subtract(self.input_size, 0.5))).all(-1)
        visible = inside & (keypoints[:, :, 2] > 0)
        return torch.from_numpy(points.astype(np.float32)), torch.from_numpy(visible.astype(np.float32))

    def _finish(self, each: Prepared) -> Batch:
        if isinstance(each.crops, Tensor):
            return Batch(each.crops, each.keypoints, each.visible, each.index, each.inverse)
        truth = (each.keypoints, each.visible)
        keypoints, visible = (
            (tensor.pin_memory() if self.pin else tensor).to(self.device, non_blocking=True) for tensor in truth
        )
        return Batch(warp_together(each.crops, self.device), keypoints, visible, each.index, each.inverse)
