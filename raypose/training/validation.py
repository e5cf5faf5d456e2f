"""One pass over a validation set: losses, keypoints in original pixels, metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Metrics = Callable[[Any, np.ndarray, np.ndarray], dict[str, float]]


@dataclass
class Validation:
    """Call it with a model in evaluation mode. `keypoints` [N,K,2] (original pixels) and `scores` [N,K] of the last
    call stay in it, a row for each row of `table`."""

    table: Any
    batches: Any
    metrics: Metrics
    device: str = "cpu"
    autocast: Callable[[], AbstractContextManager] = nullcontext
    flip_pairs: Sequence[tuple[int, int]] | None = None

    def __post_init__(self) -> None:
        shape = np.asarray(self.table.keypoints).shape[:2]
        self.keypoints = np.zeros((*shape, 2), np.float32)
        self.scores = np.zeros(shape, np.float32)

    @torch.inference_mode()
    def __call__(self, model: Any) -> dict[str, float]:
        losses, weights = [], []
        for batch in self.batches.epoch():
            image = batch.image.to(self.device, non_blocking=True, memory_format=torch.channels_last)
            truth = (batch.keypoints.to(self.device), batch.visible.to(self.device))
            with self.autocast():
                loss, keypoints, scores = model.evaluate(image, *truth, flip_pairs=self.flip_pairs)
            losses.append(loss["loss"])
            weights.append(len(batch.index))
            self.keypoints[batch.index] = to_original(keypoints.float().cpu().numpy(), np.asarray(batch.inverse))
            self.scores[batch.index] = scores.float().cpu().numpy()
        mean = float(np.average([float(loss) for loss in losses], weights=weights))
        return {"loss": mean, **self.metrics(self.table, self.keypoints, self.scores)}

    def predictions(self) -> list[dict[str, Any]]:
        """The last call's keypoints as COCO results."""
        rows = []
        for row, (keypoints, scores) in enumerate(zip(self.keypoints, self.scores, strict=True)):
            triplets = np.concatenate([keypoints, scores[:, None]], 1).round(3)
            image = self.table.image_ids[self.table.image_index[row]]
            rows.append(
                {
                    "image_id": _plain(image),
                    "category_id": 1,
                    "annotation_id": _plain(self.table.ids[row]),
                    "keypoints": triplets.ravel().tolist(),
                    "score": round(float(scores.mean()), 5),
                }
            )
        return rows


def to_original(keypoints: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """[N,K,2] input pixels through [N,2,3] matrices to pixels of the original images."""
    return np.einsum("nij,nkj->nki", inverse[:, :, :2], keypoints) + inverse[:, None, :, 2]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
