"""How soon the first step of a trial comes on a worker that has run one."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

from raypose.training.run import Run
from raypose.training.trainer import Trainer
from raypose.trial import train
from speed.measuring import Row
from speed.trials import configuration, mouse_is_there


class _Stopped(Exception):
    """After the first step."""


def rows() -> Iterator[Row]:
    """In a process of its own, whose second trial finds everything that a worker's first one leaves."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        (cold, _), (begins, ends) = pool.submit(_two_trials, "mouse" if mouse_is_there() else "synthetic").result()
    yield Row(
        "a second trial's first step",
        f"begins after {begins:.2f} s, ends after {ends:.2f} s",
        f"begins after {cold:.2f} s, the first trial's",
        begins / cold,
        "<= 1 s",
        begins <= 1,
    )


def _two_trials(name: str) -> list[tuple[float, float]]:
    return [_first_step(configuration(name), seed) for seed in range(2)]


def _first_step(config: dict[str, Any], seed: int) -> tuple[float, float]:
    """Seconds from a trial's start to where its first step begins and ends."""
    times, step = [], Trainer.step

    def timed(self: Trainer, batch: Any) -> Any:
        times.append(time.perf_counter())
        step(self, batch)
        times.append(time.perf_counter())
        raise _Stopped

    started = time.perf_counter()
    stopped = contextlib.suppress(_Stopped)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(Trainer, "step", timed), stopped:
        train(config, Run(seed=seed, dir=Path(folder), report=lambda epoch, metrics: None, threads=2))
    begins, ends = (moment - started for moment in times)
    return begins, ends
