"""Whether the store costs accuracy."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from raypose.data import KeypointTable, PixelReader
from raypose.training.run import Run
from raypose.trial import train
from speed.measuring import Row, skipped
from speed.sizes import Sizes
from speed.trials import configuration, mouse_is_there

METRICS = {"mouse": ("EPE", min, "px"), "synthetic": ("AP", max, "")}


def rows(sizes: Sizes) -> Iterator[Row]:
    """The best epoch's metric from the store and straight from the images; the same seeds, two trainings at a time."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name, (metric, _, unit) in METRICS.items():
            what = f"{name}, {metric}"
            if name == "mouse" and not mouse_is_there():
                yield skipped(what, "no openfield-mouse in RAYPOSE_DATA", "no difference")
                continue
            tasks = [(name, store, seed, sizes.trained) for seed in range(sizes.seeds) for store in (True, False)]
            values = list(pool.map(_best, *zip(*tasks, strict=True)))
            stored, read = values[::2], values[1::2]
            mean, half = interval([a - b for a, b in zip(stored, read, strict=True)])
            yield Row(
                f"{what}, store against images",
                f"{statistics.mean(stored):.4g} {unit}".strip(),
                f"{statistics.mean(read):.4g}, difference {mean:+.4f} ± {half:.4f}",
                goal="within noise",
                met=abs(mean) <= half,
            )


def _best(name: str, store: bool, seed: int, trained: float) -> float:
    config, (metric, better, _) = configuration(name), METRICS[name]
    epochs = max(1, round(trained * config["training"]["epochs"]))
    config["training"] |= {"epochs": epochs, "precision": "fp32"}  # not measured, which may come out differently
    values: list[float] = []
    images = contextlib.nullcontext() if store else mock.patch("raypose.data.build.prepare", _whole_images)
    with tempfile.TemporaryDirectory() as folder, images:
        train(config, Run(seed=seed, dir=Path(folder), report=lambda epoch, metrics: values.append(metrics[metric])))
    return better(values)


@dataclass(frozen=True)
class Images:
    """Pixels as they are in the images: what `store: false` gives are the store's, and would show nothing."""

    table: KeypointTable
    reader: PixelReader = field(default_factory=PixelReader)

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        return self.reader.read(self.table.paths[self.table.image_index[row]]), np.eye(2, 3)

    def touch(self) -> None:
        """Nothing is kept."""


def _whole_images(table: KeypointTable, *needs: Any, **options: Any) -> tuple[KeypointTable, Images]:
    return table, Images(table)


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """Their mean, and half the width of its 95 % interval, by Student's t."""
    from scipy.stats import t

    count = len(differences)
    return statistics.mean(differences), t.ppf(0.975, count - 1) * statistics.stdev(differences) / count**0.5
