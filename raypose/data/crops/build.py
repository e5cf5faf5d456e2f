"""Cutting all instances of a table from their images, into a store that is whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from raypose.data.ahead import ahead
from raypose.data.crops import leftovers
from raypose.data.crops.needs import Needs
from raypose.data.crops.regions import Regions, cut
from raypose.data.crops.store import ABOUT, INDEX, PIXELS, ROW, VERSION, CropStore, Damaged, crc
from raypose.data.pixels import decode
from raypose.data.quality import size_of
from raypose.data.table import KeypointTable
from raypose.errors import Problem, RayPoseError
from raypose.files import write_json

Progress = Callable[[int, int], None]  # images done, images in all


def build(target: Path, table: KeypointTable, needs: Needs, threads: int = 1, progress: Progress | None = None) -> None:
    """Write the store `target`. An image that cannot be read leaves rows of height 0 and an entry of `bad` in its
    store.json.

    Raises:
        OSError: the disk is full, the folder cannot be written, or what was written is not what is read.
    """
    scratch = leftovers.scratch(target)
    try:
        scratch.mkdir(parents=True)
        about = _write(scratch, table, Regions.of(table, needs), threads, progress)
        folders = sorted({str(Path(path).parent) for path in table.paths})
        told = {
            "images": len(table.paths),
            "folders": folders[:3],
            "category": table.info.category,
            "made": time.time(),
        }
        write_json(scratch / ABOUT, {"version": VERSION, "needs": needs.to_json(), **told, **about})
        _verify(scratch)
        if target.exists():  # a damaged one
            leftovers.remove(target)
        os.replace(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _verify(folder: Path) -> None:
    try:
        problems = CropStore.open(folder).verify()
    except Damaged as error:
        problems = error.problems
    if problems:
        raise OSError(errno.EIO, "what is read is not what was written")


def _write(
    folder: Path, table: KeypointTable, regions: Regions, threads: int, progress: Progress | None
) -> dict[str, Any]:
    index = np.zeros(len(table), ROW)
    index["rect"], index["zoom"] = regions.rect, regions.zoom
    order = np.argsort(table.image_index, kind="stable")
    rows_of = np.split(order, np.searchsorted(table.image_index[order], np.arange(1, len(table.paths))))
    bad: dict[str, Any] = {}
    jobs = ahead(partial(_crops, table, regions), enumerate(rows_of[: len(table.paths)]), threads)
    with open(folder / PIXELS, "wb") as file, contextlib.closing(jobs) as found:
        for image, crops in enumerate(found):
            if isinstance(crops, Problem):
                bad[str(image)] = asdict(crops)
            else:
                _append(file, index, rows_of[image], crops)
            if progress is not None:
                progress(image + 1, len(table.paths))
        if not file.tell():
            file.write(b"\0")  # an empty file cannot be mapped
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    np.save(folder / INDEX, index, allow_pickle=False)
    return {"bytes": size, "instances": len(table), "index_crc": crc(folder / INDEX), "bad": bad}


def _crops(
    table: KeypointTable, regions: Regions, job: tuple[int, np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray, int]] | Problem:
    """Crop, matrix and sum of each instance of an image, or what is wrong with it."""
    image, rows = job
    if not len(rows):  # as where a detector found nothing
        return []
    try:
        pixels = decode(table.paths[image], size_of(table, image))
    except RayPoseError as error:
        return error.problems[0]
    cuts = [cut(pixels, regions.rect[row], float(regions.zoom[row])) for row in rows]
    whole = [(np.ascontiguousarray(crop), matrix) for crop, matrix in cuts]
    return [(crop, matrix, zlib.crc32(crop.data)) for crop, matrix in whole]


def _append(file: IO[bytes], index: np.ndarray, rows: np.ndarray, crops: list[tuple]) -> None:
    for row, (crop, matrix, checksum) in zip(rows, crops, strict=True):
        entry = index[row]
        entry["offset"], entry["crc"], entry["matrix"] = file.tell(), checksum, matrix
        entry["height"], entry["width"] = crop.shape[:2]
        file.write(crop.data)
