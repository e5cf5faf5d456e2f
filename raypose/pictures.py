"""Pictures of a training's validation for TensorBoard: predictions below the truth, and what the head gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from raypose.data import Batch, Batches
from raypose.data.drawing import draw_pose, draw_target, enlarge, moved, put_text
from raypose.data.geometry import invert, transform
from raypose.data.warp import MEAN, STD
from raypose.models.outputs import map_parts
from raypose.models.step import activated

COUNT = 4  # instances, the same ones in each picture
HEIGHT = 192  # of an instance, pixels
APART = 1.5  # epochs are shown when there are this many times as many as at the last picture, so that there are few
_GAP, _PAPER, _INK, _HALO = 4, (24, 26, 30), (236, 238, 240), (24, 26, 30)


@dataclass
class Pictures:
    """Shows some instances of `batches`, by `show(epoch, tag, image)`.

    Example:
        >>> pictures = Pictures(val_batches, run.show)
        >>> pictures.show(model, epoch, validate.keypoints)
    """

    batches: Batches
    to: Callable[[int, str, np.ndarray], None]
    autocast: Callable[[], AbstractContextManager] = nullcontext
    _next: float = 1.0

    def show(self, model: Any, epoch: int, keypoints: np.ndarray) -> None:
        """`predictions`, and `heatmaps` where the model's output can be drawn, if it is time again. `keypoints` [N,K,2] are
        predictions in original pixels, a row for each row of the table; `model` is in evaluation mode."""
        if epoch < self._next or not len(self._rows):
            return
        self._next = epoch * APART
        self.to(epoch, "predictions", self._predictions(keypoints[self._rows]))
        if (heatmaps := self._heatmaps(model)) is not None:
            self.to(epoch, "heatmaps", heatmaps)

    @cached_property
    def _rows(self) -> np.ndarray:
        """Labelled ones, evenly over the table; where nothing is labelled, any."""
        labelled = np.flatnonzero((self.batches.table.keypoints[:, :, 2] > 0).any(1))
        rows = labelled if len(labelled) else np.arange(len(self.batches.table))
        return rows[np.unique(np.linspace(0, len(rows) - 1, min(COUNT, len(rows))).round().astype(int))]

    @cached_property
    def _batch(self) -> Batch:
        return self.batches.of(self._rows)

    @cached_property
    def _inputs(self) -> list[np.ndarray]:
        """What the model sees, as uint8 [h,w,3]."""
        image = self._batch.image.permute(0, 2, 3, 1).cpu().numpy() * STD + MEAN
        return [*image.round().clip(0, 255).astype(np.uint8)]

    def _predictions(self, keypoints: np.ndarray) -> np.ndarray:
        """The truth above, the predictions below."""
        table, info = self.batches.table, self.batches.table.info
        onto = invert(self._batch.inverse.astype(float))
        truth = transform(table.keypoints[self._rows, :, :2].astype(float), onto)
        found = transform(keypoints.astype(float), onto)
        rows: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for i, image in enumerate(self._inputs):
            picture, matrix = enlarge(image, HEIGHT)
            seen = table.keypoints[self._rows[i], :, 2]
            rows[0].append(draw_pose(picture, moved(truth[i], matrix), seen, info))
            rows[1].append(draw_pose(picture, moved(found[i], matrix), np.full(len(seen), 2), info))
        return _grid(rows, ("labelled", "predicted"))

    @torch.inference_mode()
    def _heatmaps(self, model: Any) -> np.ndarray | None:
        with self.autocast():
            output = model(self._batch.image.to(self.batches.device))
        output = map_parts(lambda part: part.float().cpu().numpy(), activated(output, model.loss_keypoint))
        drawn = [self._drawn(model.kind, output, i) for i in range(len(self._rows))]
        cells = [each for each in drawn if each is not None]
        return _grid([cells], ("output",)) if cells else None

    def _drawn(self, kind: str | None, output: Any, i: int) -> np.ndarray | None:
        target = tuple(part[i] for part in output) if isinstance(output, tuple) else output[i]
        info = self.batches.table.info
        return draw_target(kind, self._inputs[i], target, np.ones(len(info.names)), info, HEIGHT)


def _grid(rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str]) -> np.ndarray:
    """Cells beside each other, rows below each other, each with its title in its first cell."""
    height, width = np.max([each.shape[:2] for row in rows for each in row], axis=0) + _GAP
    sheet = np.full((height * len(rows) - _GAP, width * len(rows[0]) - _GAP, 3), _PAPER, np.uint8)
    for y, (row, title) in enumerate(zip(rows, titles, strict=True)):
        for x, cell in enumerate(row):
            sheet[y * height : y * height + cell.shape[0], x * width : x * width + cell.shape[1]] = cell
        put_text(sheet, title, (6, y * height + 16), 13, _INK, _HALO)
    return sheet
