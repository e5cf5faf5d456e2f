"""One builder of a table's stores at a time, and what builders that were killed leave behind.

The folder may be one that several machines share, where neither process ids nor locks tell who is at work: half-done
folders have names that nobody else gives, and those of other machines are let be until nothing was written for long.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_LOOKS_EVERY = 0.2  # seconds, while another process builds
_FORGOTTEN = 3600  # seconds after the last byte
_LOCK, _SCRATCH = ".lock", ".*@*"


@contextlib.contextmanager
def building(folder: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Held by the one process that builds stores of a table; what an earlier one left half done is removed. `waiting` is
    called now and then while another process builds, and may raise.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / _LOCK, "w") as file:
        while not _taken(file):
            waiting()
            time.sleep(_LOOKS_EVERY)
        try:
            _sweep(folder)
            yield
        finally:  # at once, even if a process that was forked meanwhile still has the file
            _let_go(file)


def scratch(target: Path) -> Path:
    """A folder beside `target` that nobody else makes, and that no one takes for a store."""
    return target.with_name(f".{target.name}-{uuid.uuid4().hex[:12]}@{platform.node()}")


def remove(folder: Path) -> None:
    """Remove a store; at once, for who looks for it.

    Raises:
        OSError: it is gone already, or somebody else's.
    """
    gone = scratch(folder)
    os.replace(folder, gone)
    shutil.rmtree(gone, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove what is left half done of all tables, but those that something is built of."""
    for folder in {left.parent for left in root.glob(f"*/{_SCRATCH}")}:
        with contextlib.suppress(OSError), open(folder / _LOCK, "w") as file:
            if _taken(file):
                _sweep(folder)
                _let_go(file)


def _sweep(folder: Path) -> None:
    for left in folder.glob(_SCRATCH):
        ours = left.name.rpartition("@")[2] == platform.node()  # on one machine locks hold
        if ours or _written(left) < time.time() - _FORGOTTEN:
            shutil.rmtree(left, ignore_errors=True)


def _written(folder: Path) -> float:
    """When something was last written there, in seconds since 1970."""
    try:
        return max(each.stat().st_mtime for each in (folder, *folder.iterdir()))
    except OSError:  # it is being finished, or removed
        return time.time()


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: several may build, and the last one's store stays
        return True
    return True


def _let_go(file: IO[str]) -> None:
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)
