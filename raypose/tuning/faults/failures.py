"""Why trials fail, in one word; when so many fail alike that the search must end; and a disk without space."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from raypose.errors import RayPoseError
from raypose.files import DISK_FULL
from raypose.reporting.roles import is_trial

# By the name of an exception's class, torch's being one among several.
REASONS = {
    "FloatingPointError": "nan",
    "OutOfMemoryError": "out_of_memory",
    "GpuMemoryError": "out_of_memory",
    "MemoryError": "out_of_memory",
}

ALIKE = 5  # first trials that fail for one reason: then the next one would, too


def reason(error: BaseException) -> str:
    """The one word that the study keeps for why a trial failed: `raised`, `nan` or `out_of_memory`; `hang` and
    `worker_lost` are said by who notices them.

    Example:
        >>> reason(MemoryError())
        'out_of_memory'
    """
    return next((REASONS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in REASONS), "raised")


def detail(error: Exception) -> str:
    """The last lines of a traceback, that of the user's own code among them, and the message, led by its place."""
    from raypose.plugins import located, own_frame

    frames = traceback.extract_tb(error.__traceback__)[-2:]
    own = own_frame(error)
    if own is not None and own not in frames:
        frames = [own, *frames]
    return "".join([*traceback.format_list(frames), str(located(error)[0])])


class FirstFailures:
    """Takes the reasons of the trials that end, "" of one that did not fail, and knows when the first ones all failed
    for one. A search in which `trials` of an earlier start did not fail has its first ones behind it.

    Example:
        >>> first = FirstFailures()
        >>> [first.alike(reason) for reason in ["nan"] * 6]
        [False, False, False, False, True, False]
    """

    def __init__(self, trials: Iterable[Any] = ()) -> None:
        unfailed = ("COMPLETE", "PRUNED")
        self._reasons = [""] if any(is_trial(each) and each.state.name in unfailed for each in trials) else []

    def alike(self, reason: str) -> bool:
        """Whether this is the last of the first failures, and all had this reason."""
        self._reasons.append(reason)
        return bool(reason) and self._reasons == [reason] * ALIKE


def all_fail(reason: str, detail: str, log: Path) -> RayPoseError:
    """The error that ends a search of which the first trials all failed alike."""
    return RayPoseError(
        f"the first {ALIKE} trials all failed, for one reason: {reason}; the last one's:\n{detail.rstrip()}\n"
        f"the whole story is in {log}",
        hint="mend it and go on with --resume",
        rule="all-fail",
        exit_status=1,
    )


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and those that it came of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def is_disk_full(error: BaseException) -> bool:
    """Whether a write failed for want of space, or of quota."""
    return any(isinstance(each, OSError) and each.errno in DISK_FULL for each in causes(error))


def disk_full(folder: Path) -> RayPoseError:
    """The error that ends a search whose disk is full."""
    return RayPoseError(
        f"no space left on the disk of {folder}; nothing is lost",
        hint="free some, then go on with --resume",
        rule="disk-full",
        exit_status=1,
    )


@contextlib.contextmanager
def telling_disk_full(folder: Path) -> Iterator[None]:
    """Within it, a full disk is told as what it is.

    Raises:
        RayPoseError: the disk of `folder` is full.
    """
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(folder) from error
        raise
