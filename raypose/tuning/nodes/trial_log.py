"""What runs in the actor that stands for a trial in Ray's dashboard. Imports little: each is a process of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

LOOK = 1.0  # seconds


class Trial:
    """Has a trial's log as its own output; `EXPERIMENT/trials/0007` as Ray shows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return "/".join(self.folder.parts[-3:])

    def follow(self, first: str) -> None:
        """Print a first line, then all that comes to stand in log.txt; has no end."""
        _print(first)  # in the stream that the dashboard shows first
        log = self.folder / "log.txt"
        while not log.exists():
            time.sleep(LOOK)
        with open(log, errors="replace") as file:
            while True:
                _print(file.read())
                time.sleep(LOOK)


def _print(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)
