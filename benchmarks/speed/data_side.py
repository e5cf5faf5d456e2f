"""The data side alone: batches as a training takes them, with heatmaps as targets, and no model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch

from raypose.codecs import MSRAHeatmap
from speed.measuring import Row, cpu_seconds
from speed.people import DATA, HEATMAPS, batches, people
from speed.sizes import Sizes


def rows(sizes: Sizes) -> Iterator[Row]:
    """Samples a second and CPU time a sample of the second epoch and later ones."""
    for store in (True, False):
        rate, cost = epochs(sizes, store)
        what = "data side, " + ("from the store" if store else "decoded on the fly")
        yield Row(
            what,
            f"{rate:,.0f} samples/s",
            goal=">= 2,000" if store else "",
            met=rate >= 2000 if store else None,
        )
        yield Row(
            f"{what}, CPU a sample",
            f"{1e3 * cost:.2f} ms",
            goal="<= 1.0 ms" if store else "",
            met=cost <= 1e-3 if store else None,
        )


def epochs(sizes: Sizes, store: bool) -> tuple[float, float]:
    """Samples a second, the median of the epochs, and seconds of CPU a sample, their mean."""
    torch.set_num_threads(1)  # one makes the targets; others would spin between batches, on the cores that crops want
    codec, source = MSRAHeatmap(DATA.input_size), batches(people(sizes.instances), sizes.batch_size, store=store)

    def epoch(number: int) -> tuple[int, float]:
        samples, started = 0, time.perf_counter()
        for batch in source.epoch(np.random.default_rng([0, number])):
            codec.encode(batch.keypoints, batch.visible, HEATMAPS)
            samples += len(batch.index)
        return samples, time.perf_counter() - started

    epoch(1)
    started = cpu_seconds()
    done = [epoch(number) for number in range(2, 2 + sizes.epochs)]
    used = cpu_seconds() - started
    return statistics.median(samples / took for samples, took in done), used / sum(samples for samples, _ in done)
