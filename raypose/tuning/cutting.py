"""Cuts the crops of datasets before trials read them, and shows how far that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from raypose.data.crops import CropStore, Pixels, prepare
from raypose.data.crops.preparing import Rows
from raypose.errors import Problem, RayPoseError
from raypose.reporting.words import counted
from raypose.tuning.crops_of_space import Wanted


@dataclass(frozen=True)
class Cut:
    """A dataset whose crops are there: where, and how large; `path` is None where they are read from the images as they are
    needed. `seconds` is what it took to cut them, None if they were there already."""

    part: str
    instances: int
    path: str | None
    size: int
    seconds: float | None

    def __str__(self) -> str:
        what = f"data.{self.part}: {counted(self.instances, 'crop')}"
        if self.path is None:
            return f"{what}, cut anew for every batch"
        taken = "there already" if self.seconds is None else f"cut in {self.seconds:.0f} s"
        return f"{what}, {self.size / 1e6:,.0f} MB, {taken}"


class Stopped(Exception):
    """Whoever wanted the crops wants them no more."""


def cut(wanted: Iterable[Wanted], threads: int, progress: Callable[[Wanted, int, int], None]) -> list[Cut]:
    """Have the crops of each dataset on this machine, cut by so many threads if they are not; `progress` gets how many
    images are done and how many there are, and may raise.

    Raises:
        RayPoseError: all that is wrong with all of the datasets.
    """
    problems: list[Problem] = []
    found = []
    for each in wanted:
        try:
            found.append(_cut(each, threads, partial(progress, each)))
        except RayPoseError as error:
            problems += error.problems
    if problems:
        raise RayPoseError(dict.fromkeys(problems))
    return found


def _cut(wanted: Wanted, threads: int, progress: Callable[[int, int], None]) -> Cut:
    started, is_new = time.monotonic(), False

    def watched(done: int, total: int) -> None:
        nonlocal is_new
        is_new |= done > 0  # none is done while another process cuts
        progress(done, total)

    data = wanted.data
    table, pixels = prepare(
        wanted.table(), wanted.needs, on_bad_sample=data.on_bad_sample, threads=threads, progress=watched
    )
    store, seconds = _store(pixels), time.monotonic() - started if is_new else None
    if store is None:
        return Cut(wanted.part, len(table), None, 0, seconds)
    return Cut(wanted.part, len(table), str(store.folder), store.bytes, seconds)


def _store(pixels: Pixels) -> CropStore | None:
    whole = pixels.pixels if isinstance(pixels, Rows) else pixels
    return whole if isinstance(whole, CropStore) else None


class Shown(AbstractContextManager):
    """How far the cutting is: on a terminal a bar, elsewhere a line where it starts. Called by `cut`.

    Example:
        >>> with Shown(Console()) as shown:
        ...     for each in cut(space_needs(space), threads=4, progress=shown):
        ...         print(each)
    """

    def __init__(self, console: Console, stopped: Callable[[], bool] = lambda: False) -> None:
        self.console, self.stopped = console, stopped
        self._tasks: dict[str, Any] = {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True)

    def __enter__(self) -> Shown:
        if self.console.is_terminal and not self.console.quiet:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar.live.is_started:  # else it prints an empty line
            self._bar.stop()

    def __call__(self, wanted: Wanted, done: int, total: int) -> None:
        """`done` of `total` images of a dataset are done.

        Raises:
            Stopped: nobody waits for the rest.
        """
        if self.stopped():
            raise Stopped
        if wanted.key not in self._tasks:
            what = f"cutting the crops of data.{wanted.part}"
            self._tasks[wanted.key] = self._bar.add_task(what, total=total)
            if not self.console.is_terminal:
                self.console.out(f"{what} from {counted(total, 'image')} ...", highlight=False)
        self._bar.update(self._tasks[wanted.key], completed=done, total=total)
