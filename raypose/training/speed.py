"""How fast an epoch trains, and how much of a GPU's memory that takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from raypose.training.gpu_memory import usage

# What an epoch reports besides its metrics, and no two runs have alike.
SPEED = ("samples_per_second", "gpu_memory")


class Speed:
    """Counts the samples of an epoch's batches, from where it is made.

    Example:
        >>> speed = Speed("cuda")
        >>> losses = [step(batch) for batch in speed.counted(batches)]
        >>> speed.metrics()
        {'samples_per_second': 811.3, 'gpu_memory': 2147483648.0}
    """

    def __init__(self, device: str) -> None:
        self.device, self.samples, self.started = device, 0, time.monotonic()

    def counted(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            self.samples += len(batch.image)
            yield batch

    def metrics(self) -> dict[str, float]:
        """Training samples a second up to now, once the device is waited for; on a GPU, the most bytes that this process's
        tensors took since the training began."""
        found = {"samples_per_second": self.samples / max(time.monotonic() - self.started, 1e-9)}
        if torch.device(self.device).type == "cuda":
            found["gpu_memory"] = float(usage(self.device).peak)
        return found
