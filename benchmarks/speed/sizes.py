"""How much each part measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Of the table in README.md."""

    instances: int = 1024
    batch_size: int = 32
    epochs: int = 5  # of the data side
    steps: int = 4  # in a block of training
    rounds: int = 5
    crops: int = 100_000  # of the store that is opened
    images: int = 5000  # of COCO's val2017, which instances lie in 2,346 of
    with_people: int = 2346
    evaluated: int = 6352
    seeds: int = 5
    trained: float = 1.0  # of the accuracy's epochs


# Seconds, to see that it runs: the figures say nothing.
QUICK = Sizes(16, 4, 1, 1, 1, 300, 60, 30, 70, 2, 0.1)
