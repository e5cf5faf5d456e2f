"""One pass over a validation set: losses, keypoints in original pixels, metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raypose.training.gpu_memory import telling

Metrics = Callable[[Any, np.ndarray, np.ndarray], dict[str, float]]


@dataclass
class Validation:
    """Call it with a model in evaluation mode. `keypoints` [N,K,2] (original pixels) and `scores` [N,K] of the last
    call stay in it, a row for each row of `table`. Where no row is labelled, `loss` is NaN."""

    table: Any
    batches: Any
    metrics: Metrics
    device: str = "cpu"
    autocast: Callable[[], AbstractContextManager] = nullcontext
    flip_pairs: Sequence[tuple[int, int]] | None = None
    shift_heatmap: bool = False

    def __post_init__(self) -> None:
        shape = np.asarray(self.table.keypoints).shape[:2]
        self.keypoints = np.zeros((*shape, 2), np.float32)
        self.scores = np.zeros(shape, np.float32)
        self.labelled = bool((np.asarray(self.table.keypoints)[..., 2] > 0).any())

    @torch.inference_mode()
    def __call__(self, model: Any) -> dict[str, float]:
        flip = {"flip_pairs": self.flip_pairs, **({"shift_heatmap": True} if self.shift_heatmap else {})}
        outcomes = []  # on the device, so that nothing waits for it before the end
        for batch in self.batches.epoch():
            call = partial(self._evaluate, model, batch, flip)
            outcomes.append((batch.index, batch.inverse, *telling(call, "validation", len(batch.index), self.device)))
        losses, weights = [], []
        for index, inverse, loss, keypoints, scores in outcomes:
            losses.append(float(loss))
            weights.append(len(index))
            self.keypoints[index] = to_original(keypoints.cpu().numpy(), np.asarray(inverse))
            self.scores[index] = scores.cpu().numpy()
        # A detector's boxes have no targets, and a loss of 0 would say that they were met.
        mean = float(np.average(losses, weights=weights)) if self.labelled else math.nan
        return {"loss": mean, **self.metrics(self.table, self.keypoints, self.scores)}

    def _evaluate(self, model: Any, batch: Any, flip: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        image = batch.image.to(self.device, non_blocking=True, memory_format=torch.channels_last)
        truth = (each.to(self.device, non_blocking=True) for each in (batch.keypoints, batch.visible))
        with self.autocast():
            losses, keypoints, scores = model.evaluate(image, *truth, **flip)
        return losses["loss"], keypoints.float(), scores.float()


def to_original(keypoints: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """[N,K,2] input pixels through [N,2,3] matrices to pixels of the original images."""
    return np.einsum("nij,nkj->nki", inverse[:, :, :2], keypoints) + inverse[:, None, :, 2]
