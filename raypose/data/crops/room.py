"""How much all stores together may take of the disk, and which of them make room."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from raypose.data.crops import leftovers
from raypose.data.crops.cache import crops_folder, folders
from raypose.data.crops.store import ABOUT
from raypose.errors import RayPoseError

logger = logging.getLogger("raypose")

# Seconds after which a store that nobody asked for may go. Without it two stores for which there is no room together would
# be cut in turn, each in place of the other, whenever a trial starts.
_IN_USE = 3600
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class Taken:
    """What a store takes of the disk, damaged or not, and when it was last used, in seconds since 1970."""

    folder: Path
    bytes: int
    used: float


def taken() -> list[Taken]:
    """By all stores, those that were used last first."""
    found = []
    for folder in folders():
        with contextlib.suppress(OSError):  # removed by another process just now
            files = [file.stat() for file in folder.iterdir()]
            used = next(each for each in (folder / ABOUT, folder) if each.exists()).stat().st_mtime
            found.append(Taken(folder, sum(file.st_size for file in files), used))
    return sorted(found, key=lambda store: store.used, reverse=True)


def budget() -> int:
    """How many bytes all stores together may have: `$RAYPOSE_CACHE_SIZE`, such as 100GB, else half of what the disk has
    left for them.

    Raises:
        RayPoseError: the variable is no size.
    """
    if not (text := os.environ.get("RAYPOSE_CACHE_SIZE", "")):
        return (free() + sum(store.bytes for store in taken())) // 2
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip(), re.IGNORECASE)
    if not found:
        raise RayPoseError(
            f"RAYPOSE_CACHE_SIZE must be a size, but is '{text}'", hint="write 500MB, 100GB, 1.5TB", rule="cache-size"
        )
    return int(float(found[1]) * _UNITS[found[2].upper()])


def free() -> int:
    """Bytes that are left on the disk of the stores."""
    folder = crops_folder()
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if os.path.exists(each))).free


def make_room(size: int) -> bool:
    """Whether there is room for another `size` bytes, after stores that were not used for longest are removed, and what
    killed builds left. None goes that was used within the last hour; who has one of them open keeps it until he closes it.
    """
    leftovers.sweep(crops_folder())
    allowed, kept = budget(), taken()
    if size > allowed:
        return False
    total = sum(store.bytes for store in kept)
    old = [store for store in kept if store.used < time.time() - _IN_USE]
    while old and (total + size > allowed or size > free()):
        store = old.pop()
        with contextlib.suppress(OSError):
            leftovers.remove(store.folder)
            total -= store.bytes
    return total + size <= allowed and size <= free()


def warn(size: int) -> None:
    """That there was no room for `size` bytes."""
    used = sum(store.bytes for store in taken())
    logger.warning(
        "crops of %s are not kept, since all together may have %s, of which %s are in use, and the disk has %s left: images "
        "are decoded whenever they are needed, which is slower (RAYPOSE_CACHE_SIZE=%.0fMB, RAYPOSE_CACHE for another disk, "
        "or raypose data clear)",
        *(*map(gigabytes, (size, budget(), used, free())), math.ceil((size + used) * 1.1 / 1e6)),
    )


def gigabytes(size: float) -> str:
    """Bytes for people.

    Example:
        >>> gigabytes(1_234_000), gigabytes(56_700_000_000)
        ('1.2 MB', '56.7 GB')
    """
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
