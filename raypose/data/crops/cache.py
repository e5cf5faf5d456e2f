"""The folder of this machine where stores lie, for all experiments: found by what they hold."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from raypose.data.crops import leftovers
from raypose.data.crops.needs import Needs
from raypose.data.crops.regions import Regions
from raypose.data.crops.store import VERSION, CropStore, Damaged
from raypose.data.table import KeypointTable
from raypose.files import cache_folder


def crops_folder() -> Path:
    """Where stores lie: a folder for each table, and in it one for each needs."""
    return cache_folder() / "crops"


def table_folder(table: KeypointTable) -> Path:
    """Where stores of a table lie: named by all that decides on their pixels, its images' sizes and times included."""
    digest = hashlib.sha256(f"{VERSION}\n".encode())
    for path in table.paths:
        digest.update(f"{os.path.abspath(path)}\0{_stamp(path)}\0".encode("utf-8", "surrogateescape"))
    for values in (table.image_index, table.bbox, table.keypoints, table.sizes):
        # With their shapes: the same bytes in other arrays are another table.
        digest.update(b"None" if values is None else f"{values.dtype.str}{values.shape}".encode())
        digest.update(b"" if values is None else np.ascontiguousarray(values).data)
    digest.update(repr(table.info.upper_body).encode())
    return crops_folder() / digest.hexdigest()[:20]


def name(needs: Needs) -> str:
    """The folder of a store, within its table's."""
    return hashlib.sha256(repr(needs).encode()).hexdigest()[:12]


def find(folder: Path, regions: Regions) -> CropStore | None:
    """A store in a table's folder that has all of these regions."""
    for store in _opened(_folders(folder)):
        if store.regions.covers(regions):
            store.touch()
            return store
    return None


def folders() -> list[Path]:
    """Those of all stores, damaged ones too."""
    return [each for folder in _folders(crops_folder()) for each in _folders(folder)]


def stores() -> list[CropStore]:
    """All that can be read, those that were used last first."""
    return sorted(_opened(folders()), key=lambda store: store.used, reverse=True)


def remove_covered(folder: Path, regions: Regions, by: str) -> None:
    """Remove what the store of the name `by`, which has these regions, makes needless."""
    for store in _opened(_folders(folder)):
        if store.folder.name != by and regions.covers(store.regions):
            with contextlib.suppress(OSError):
                leftovers.remove(store.folder)


def _stamp(path: str) -> str:
    """An image's size and times: of what is in it, and of the file, which changes even where the former is set back, as by
    `cp -p` and archives."""
    try:
        state = os.stat(path)
    except OSError:
        return "missing"
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"


def _folders(folder: Path) -> list[Path]:
    """What begins with a dot is half done, or on its way out. What may not be looked at is not there."""
    try:
        return [each for each in sorted(folder.iterdir()) if not each.name.startswith(".") and each.is_dir()]
    except OSError:
        return []


def _opened(found: Iterable[Path]) -> Iterator[CropStore]:
    for each in found:
        with contextlib.suppress(Damaged):
            yield CropStore.open(each)
