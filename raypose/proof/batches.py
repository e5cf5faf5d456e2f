"""The batch sizes of a space."""

from __future__ import annotations

from raypose.config import Training, read
from raypose.space import Space
from raypose.space.combining import combinations
from raypose.space.suggest import from_partial

MOST = 3


def batch_sizes(space: Space) -> list[int]:
    """Those that a space may come to; of many, the smallest and the largest.

    Example:
        >>> batch_sizes(Space.parse("training: {batch_size: {choice: [32, 16]}}"))
        [16, 32]
    """
    rows = combinations(space, [("training", "batch_size")]).rows
    trainings = [space.sample(from_partial(row)).get("training") for row in rows]
    sizes = sorted({read(Training, each).batch_size for each in trainings})
    return sizes if len(sizes) <= MOST else [sizes[0], sizes[-1]]
