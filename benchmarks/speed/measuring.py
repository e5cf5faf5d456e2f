"""Rows of a table, blocks of work in turns, and what a process and the machine are."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HEADER = "| what | measured | beside it | ratio | goal | met |\n| --- | --- | --- | --- | --- | --- |"


@dataclass(frozen=True)
class Row:
    """A line of the table; `met` is empty where there is no goal."""

    what: str
    measured: str
    beside: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = "" if self.met is None else "yes" if self.met else "no"
        return f"| {self.what} | {self.measured} | {self.beside} | {ratio} | {self.goal} | {met} |"


def skipped(what: str, reason: str, goal: str = "") -> Row:
    """The row of what could not be measured here."""
    return Row(what, f"skipped: {reason}", goal=goal)


def in_turns(blocks: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median seconds of each block; they take turns, so that what else the machine does falls on all of them.

    A block runs its work and says how long it took; what each takes in a round before the first is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in blocks}
    for counted in range(-1, rounds):
        for name, block in blocks.items():
            took = block()
            if counted >= 0:
                seconds[name].append(took)
    return {name: statistics.median(took) for name, took in seconds.items()}


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cpu_seconds() -> float:
    """What this process, its threads and its children, ended ones too, have taken of the cores so far."""
    ticks = [used for pid, parent, used in _processes() if os.getpid() in (pid, parent)]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def _processes() -> Iterator[tuple[int, int, int]]:
    """Of all: its number, its parent's, and the ticks that it and its ended children ran for; see proc_pid_stat(5)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            yield int(folder.name), int(fields[1]), sum(map(int, fields[11:15]))


def machine() -> str:
    """What the figures were taken on, in a line."""
    import cv2
    import torch

    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, OpenCV {cv2.__version__}"
    return f"{cores} cores of {_processor()}, {memory:.0f} GiB, {gpu}, {platform.system()}; {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
