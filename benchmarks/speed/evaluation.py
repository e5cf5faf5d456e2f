"""From heatmaps to AP, for as many people as COCO's val2017 has."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raypose import metrics
from raypose.codecs import MSRAHeatmap
from raypose.data import KeypointTable
from raypose.data.geometry import crop_matrices, invert, transform
from raypose.training.validation import Validation
from speed.measuring import Row, seconds
from speed.people import DATA, HEATMAPS, people
from speed.sizes import Sizes

BATCH_SIZE, NOISE = 32, 0.02


def rows(sizes: Sizes) -> Iterator[Row]:
    table = val2017(sizes)
    batches = list(_heatmaps(table))
    validation = Validation(
        table, SimpleNamespace(epoch=lambda: batches), partial(metrics.evaluate, [{"type": "CocoAP"}])
    )
    decoder = Decoder()
    found: dict[str, float] = {}
    took = statistics.median(seconds(lambda: found.update(validation(decoder))) for _ in range(sizes.rounds))
    yield Row(
        f"decode and evaluate {sizes.evaluated:,} people in {sizes.images:,} images",
        f"{took:.2f} s (AP {found['AP']:.3f})",
        goal="<= 1.5 s",
        met=took <= 1.5,
    )


class Decoder:
    """A model whose heatmaps are its images."""

    codec = MSRAHeatmap(DATA.input_size)

    def evaluate(self, heatmaps: Tensor, *truth: Tensor, **flip_test: Any) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        return {"loss": torch.zeros(())}, *self.codec.decode(heatmaps)


def val2017(sizes: Sizes) -> KeypointTable:
    """As many instances, images, and images that the instances lie in; the people are those of the other parts."""
    rng, few = np.random.default_rng(0), people(min(sizes.evaluated, 256))
    chosen = np.arange(sizes.evaluated) % len(few)
    image_index = np.sort(
        np.append(np.arange(sizes.with_people), rng.integers(0, sizes.with_people, sizes.evaluated - sizes.with_people))
    )
    return KeypointTable(
        paths=[f"{i}.jpg" for i in range(sizes.images)],
        image_index=image_index,
        bbox=few.bbox[chosen],
        keypoints=few.keypoints[chosen],
        area=few.area[chosen],
        ids=np.arange(1, sizes.evaluated + 1),
        image_ids=np.arange(1, sizes.images + 1),
        groups=np.arange(sizes.images),
        info=few.info,
        sizes=np.full((sizes.images, 2), 640),
    )


def _heatmaps(table: KeypointTable) -> Iterator[SimpleNamespace]:
    """Batches whose images are noisy heatmaps of the truth, channels last, as a model's are."""
    generator = torch.Generator().manual_seed(0)
    for start in range(0, len(table), BATCH_SIZE):
        rows = np.arange(start, min(start + BATCH_SIZE, len(table)))
        matrices = crop_matrices(table.bbox[rows], DATA.input_size, DATA.padding)
        keypoints = torch.from_numpy(transform(table.keypoints[rows, :, :2].astype(np.float64), matrices)).float()
        visible = torch.from_numpy((table.keypoints[rows, :, 2] > 0).astype(np.float32))
        maps, _ = Decoder.codec.encode(keypoints, visible, HEATMAPS)
        maps += NOISE * torch.randn(maps.shape, generator=generator)
        yield SimpleNamespace(
            image=maps.contiguous(memory_format=torch.channels_last),
            keypoints=keypoints,
            visible=visible,
            index=rows,
            inverse=invert(matrices).astype(np.float32),
        )
