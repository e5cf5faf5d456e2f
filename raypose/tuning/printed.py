"""What a process prints, kept in a file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

OUTPUTS = (1, 2)  # file descriptors


@contextlib.contextmanager
def printed_to(log: Path) -> Iterator[None]:
    """Within it, what this process prints is appended to `log`: also by C code, by processes that it starts, and the last
    words of a crash.

    Example:
        >>> with printed_to(Path("trials/0007/log.txt")):
        ...     print("seen by who looks for trial 7")
    """
    _flush()
    kept = {output: os.dup(output) for output in OUTPUTS}
    try:
        with open(log, "ab") as file:
            for output in OUTPUTS:
                os.dup2(file.fileno(), output)
        yield
    finally:
        _flush()
        for output, before in kept.items():
            os.dup2(before, output)
            os.close(before)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a full disk, a closed one, none at all
            stream.flush()
