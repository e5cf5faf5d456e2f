"""How fast data, training and evaluation are, and what they take: `python benchmarks/throughput.py`.

Prints one table. Parts: `data` (batches alone), `training` (ResNet-18 beside the same step on one batch in memory, in
turns), `memory` (two trials over one dataset; opening 100,000 crops), `start` (of a second trial), `evaluation` (of
COCO's size) and `accuracy` (with the store and without it; minutes). Instances are COCO's people of `coco-mini` in
`RAYPOSE_DATA`, where that is, else drawn ones. Stores are built in a folder that is removed afterwards.

    RAYPOSE_DATA=... python benchmarks/throughput.py --peer ~/mmpose/bin/python

`--peer` is the interpreter of an environment with MMPose 1.3.2, whose whole training then takes turns with ours. MMPose
does without colour, and is on the same two cores, with two workers and its own loader.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from unittest import mock

import cv2
import torch
from speed import accuracy, data_side, evaluation, measuring, memory, start, training
from speed.sizes import QUICK, Sizes

PARTS = ("data", "training", "memory", "start", "evaluation", "accuracy")


def rows(parts: list[str], sizes: Sizes, peer: str | None) -> Iterator[measuring.Row]:
    """Of the table, as they are measured."""
    measured = {
        "data": lambda: data_side.rows(sizes),
        "training": lambda: training.rows(sizes, peer),
        "memory": lambda: memory.rows(sizes),
        "start": start.rows,
        "evaluation": lambda: evaluation.rows(sizes),
        "accuracy": lambda: accuracy.rows(sizes),
    }
    for part in parts:
        torch.set_num_threads(2)
        yield from measured[part]()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--peer", metavar="PYTHON", help="of an environment with MMPose 1.3.2")
    parser.add_argument("--rounds", type=int, default=Sizes.rounds, help="of blocks in turns")
    parser.add_argument("--quick", action="store_true", help="see that it runs; the figures say nothing")
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)

    print(f"{measuring.machine()}\n\n{measuring.HEADER}", flush=True)
    with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, RAYPOSE_CACHE=cache):
        for row in rows(args.only, QUICK if args.quick else Sizes(rounds=args.rounds), args.peer):
            print(row, flush=True)


if __name__ == "__main__":
    main()
