"""What trials that share a store take of the memory, and how fast a large store opens."""

from __future__ import annotations

import gc
import statistics
import tempfile
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from raypose.data import DatasetInfo, KeypointTable
from raypose.data.crops import Needs, prepare
from raypose.data.crops.cache import crops_folder
from speed.measuring import Row, seconds
from speed.people import DATA, batches, people
from speed.sizes import Sizes


def rows(sizes: Sizes) -> Iterator[Row]:
    alone, together = shared(sizes)
    ratio = together / alone
    yield Row(
        "pixels in memory, two trials", f"{together:.0f} MB", f"{alone:.0f} MB, one", ratio, "<= 1.05", ratio <= 1.05
    )
    took = opened(sizes)
    yield Row(f"open a store of {sizes.crops:,} crops", f"{took:.2f} s", goal="< 0.5 s", met=took < 0.5)


def shared(sizes: Sizes) -> tuple[float, float]:
    """MB of memory that the store's pixels take in one trial's process, and in two together: a page that both map counts
    half for each (proportional set size)."""
    batches(people(sizes.instances), sizes.batch_size)  # builds the store
    gc.collect()  # this process is to map nothing of it
    context = get_context("spawn")
    trials, ends = [], []
    sums = []
    for _ in range(2):
        ours, theirs = context.Pipe()
        trials.append(context.Process(target=_trial, args=(sizes, theirs)))
        trials[-1].start()
        ends.append(ours)
        ours.recv()  # it has read everything
        sums.append(sum(_ask(end) for end in ends))
    for end, trial in zip(ends, trials, strict=True):
        end.send(None)
        trial.join()
    return sums[0], sums[1]


def _ask(end: Connection) -> float:
    end.send("how much?")
    return end.recv()


def _trial(sizes: Sizes, end: Connection) -> None:
    """The data part of a trial."""
    source = batches(people(sizes.instances), sizes.batch_size)
    for row in range(len(source.table)):
        source.pixels.read(row)[0].sum()
    end.send("ready")
    while end.recv() is not None:
        end.send(_proportional_size(crops_folder()))


def _proportional_size(folder: Path) -> float:
    """MB of this process's mappings of files in a folder."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            inside = str(folder) in rest
        elif inside and name == "Pss:":
            found += int(rest.split()[0])
    return found / 1e3


def opened(sizes: Sizes, rounds: int = 3) -> float:
    """Seconds in which a trial gets at a store that is there: finding it by what it must hold, checking and mapping it."""
    with tempfile.TemporaryDirectory() as folder:
        table, needs = many(Path(folder), sizes.crops), Needs.of(DATA, augmented=False)
        prepare(table, needs, threads=2)
        return statistics.median(seconds(lambda: prepare(table, needs)) for _ in range(rounds))


def many(folder: Path, count: int, images: int = 20, side: int = 640) -> KeypointTable:
    """So many small instances in a few images of noise."""
    rng = np.random.default_rng(0)
    paths = [str(folder / f"{i}.jpg") for i in range(images)]
    for path in paths:
        cv2.imwrite(path, rng.integers(0, 256, (side, side, 3), np.uint8))
    bbox = np.column_stack([rng.uniform(20, side - 40, (count, 2)), np.full((count, 2), 12.0)]).astype(np.float32)
    center = bbox[:, None, :2] + bbox[:, None, 2:] / 2
    return KeypointTable(
        paths=paths,
        image_index=np.sort(rng.integers(0, images, count)),
        bbox=bbox,
        keypoints=np.concatenate([center, np.full((count, 1, 1), 2)], axis=2).astype(np.float32),
        area=bbox[:, 2] * bbox[:, 3],
        ids=np.arange(1, count + 1),
        image_ids=np.arange(1, images + 1),
        groups=np.arange(images),
        info=DatasetInfo(("middle",), (), (0.05,)),
        sizes=np.full((images, 2), side),
    )
