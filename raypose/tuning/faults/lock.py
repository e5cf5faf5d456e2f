"""One search at a time in an experiment folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from raypose.errors import RayPoseError

TRIES, PAUSE = 50, 0.02  # who looks whether a search runs holds the lock for a moment; seconds


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the experiment in `folder`; the system lets go of it when the process ends, however it ends.

    Raises:
        RayPoseError: another process holds it; the message says which.
    """
    with open(folder / ".lock", "a+") as file:
        try:
            _take(file)
        except OSError:
            file.seek(0)
            raise RayPoseError(
                f"experiment {folder} is being run by {file.read().strip() or 'another process'}",
                hint="wait for it, or end it first",
                rule="experiment-runs",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield


def _take(file: IO[str]) -> None:
    for _ in range(TRIES - 1):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(PAUSE)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
