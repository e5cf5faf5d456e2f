"""The folder of this machine where stores lie, for all experiments: found by what they hold, bounded in size."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from raypose.data.crops.needs import Needs
from raypose.data.crops.regions import Regions
from raypose.data.crops.store import VERSION, CropStore, Damaged
from raypose.data.table import KeypointTable
from raypose.errors import RayPoseError
from raypose.files import cache_folder

_LOOKS_EVERY = 0.2  # seconds, while another process builds
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def crops_folder() -> Path:
    """Where stores lie: a folder for each table, and in it one for each needs."""
    return cache_folder() / "crops"


def budget() -> int:
    """How many bytes all stores together may have: `$RAYPOSE_CACHE_SIZE`, such as 100GB, else half of what the disk has
    left for them.

    Raises:
        RayPoseError: the variable is no size.
    """
    if not (text := os.environ.get("RAYPOSE_CACHE_SIZE", "")):
        return (free() + sum(store.bytes for store in stores())) // 2
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip(), re.IGNORECASE)
    if not found:
        raise RayPoseError(
            f"RAYPOSE_CACHE_SIZE must be a size, but is '{text}'", hint="write 500MB, 100GB, 1.5TB", rule="cache-size"
        )
    return int(float(found[1]) * _UNITS[found[2].upper()])


def free() -> int:
    """Bytes that are left on the disk of the stores."""
    folder = crops_folder()
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


def table_folder(table: KeypointTable) -> Path:
    """Where stores of a table lie: named by all that decides on their pixels, its images' sizes and times included."""
    digest = hashlib.sha256(f"{VERSION}\n".encode())
    for path in table.paths:
        digest.update(f"{os.path.abspath(path)}\n{_stamp(path)}\n".encode())
    for values in (table.image_index, table.bbox, table.keypoints, table.sizes):
        digest.update(b"" if values is None else np.ascontiguousarray(values).data)
    digest.update(repr(table.info.upper_body).encode())
    return crops_folder() / digest.hexdigest()[:20]


def name(needs: Needs) -> str:
    """The folder of a store, within its table's."""
    return hashlib.sha256(repr(needs).encode()).hexdigest()[:12]


def find(folder: Path, regions: Regions) -> CropStore | None:
    """A store in a table's folder that has all of these regions."""
    for store in _open_all(folder):
        if store.regions.covers(regions):
            store.touch()
            return store
    return None


def stores() -> list[CropStore]:
    """All that can be read, those that were used last first."""
    found = [store for folder in _folders(crops_folder()) for store in _open_all(folder)]
    return sorted(found, key=lambda store: store.used, reverse=True)


def make_room(size: int) -> None:
    """Remove the stores that were not used for longest until there is room for another `size` bytes. Who has one of them
    open keeps it until he closes it."""
    kept = stores()
    while kept and sum(store.bytes for store in kept) + size > budget():
        remove(kept.pop())


def remove_covered(folder: Path, regions: Regions, by: str) -> None:
    """Remove what the store of the name `by`, which has these regions, makes needless."""
    for store in _open_all(folder):
        if store.folder.name != by and regions.covers(store.regions):
            remove(store)


def remove(store: CropStore) -> None:
    """At once, for who looks for it."""
    gone = store.folder.with_name(f".{store.folder.name}-gone")
    with contextlib.suppress(OSError):
        os.replace(store.folder, gone)
    shutil.rmtree(gone, ignore_errors=True)


@contextlib.contextmanager
def building(folder: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Held by the one process that builds stores of a table; what an earlier one left half done is removed. `waiting` is
    called now and then while another process builds, and may raise.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        while not _taken(file):
            waiting()
            time.sleep(_LOOKS_EVERY)
        for left in folder.glob(".*-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stamp(path: str) -> str:
    try:
        state = os.stat(path)
    except OSError:
        return "missing"
    return f"{state.st_size} {state.st_mtime_ns}"


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [each for each in sorted(folder.iterdir()) if each.is_dir() and not each.name.startswith(".")]


def _open_all(folder: Path) -> Iterator[CropStore]:
    for each in _folders(folder):
        with contextlib.suppress(Damaged):
            yield CropStore.open(each)
