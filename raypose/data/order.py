"""Which instances come in an epoch, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from raypose.data.table import KeypointTable


def num_batches(table: KeypointTable, batch_size: int) -> int:
    """In an epoch of training: without an incomplete last one, but one always."""
    return max(1, num_drawn(table) // batch_size)


def num_drawn(table: KeypointTable) -> int:
    """How many instances an epoch of training draws."""
    return len(table) if table.weights is None else max(1, round(float(table.weights.sum())))


def batches_of_rows(table: KeypointTable, batch_size: int, rng: np.random.Generator | None) -> Iterator[np.ndarray]:
    """Rows of a table, a batch at a time: with a generator shuffled by it, complete batches; else all in order."""
    order = np.arange(len(table)) if rng is None else shuffled(table, rng)
    end = len(order) if rng is None or len(order) < batch_size else num_batches(table, batch_size) * batch_size
    for start in range(0, end, batch_size):
        yield order[start : start + batch_size]


def shuffled(table: KeypointTable, rng: np.random.Generator) -> np.ndarray:
    """Rows, each as often as its weight says: 2.5 times is two or three times.

    Example:
        >>> np.bincount(shuffled(replace(table, weights=np.array([1, 2.5, 0])), rng))
        array([1, 3])
    """
    if table.weights is None:
        return rng.permutation(len(table))
    drawn = num_drawn(table)
    ends = np.cumsum(table.weights) / table.weights.sum() * drawn
    rows = np.searchsorted(ends, np.arange(drawn) + rng.random(), side="right")
    last = np.flatnonzero(table.weights)[-1]  # beyond which only rounding leads
    return rng.permutation(np.minimum(rows, last))
