"""How long each running trial has said nothing, and how long it may."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

TIMES = 10  # a trial may take as many times the slowest epoch so far for one epoch,
AT_LEAST = 60.0  # or that many seconds,
AT_FIRST = 600.0  # and these before its own first report: its model may be the largest so far
OPENING = 120.0  # seconds that a worker may take at least until it opens the trial's folder, whatever the timeout
LOOK = 1.0  # seconds between two looks; a gap beyond it is time in which nobody listened, and does not count


class Silences:
    """How long each running trial has said nothing, and how long it may.

    Args:
        timeout: seconds without a report; None: `TIMES` the slowest epoch of any trial, once there is one.
        clock: seconds, for tests.

    Example:
        >>> silences = Silences(timeout=60)
        >>> silences.start(3)  # handed out
        >>> silences.open(3)  # by its worker
        >>> silences.overdue()
        {}
    """

    def __init__(self, timeout: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout, self._clock = timeout, clock
        self.slowest: float | None = None  # epoch of any trial, in seconds
        self._since: dict[int, float] = {}
        self.starting: set[int] = set()
        self._reported: set[int] = set()
        self._now, self._looked = 0.0, clock()

    def start(self, number: int) -> None:
        """A worker has got the trial."""
        self._since[number] = self._now
        self.starting.add(number)

    def open(self, number: int) -> None:
        """The worker is up and begins: its silence counts from here on."""
        self._since[number] = self._now
        self.starting.discard(number)

    def report(self, number: int) -> None:
        self.slowest = max(self.slowest or 0.0, self._now - self._since.get(number, self._now))
        self._reported.add(number)
        self.open(number)

    def end(self, number: int) -> None:
        self._since.pop(number, None)
        self.starting.discard(number)
        self._reported.discard(number)

    def limit(self, number: int) -> float:
        """Seconds that a trial may be silent."""
        if number in self.starting:
            return AT_FIRST if self.timeout is None else max(self.timeout, OPENING)
        if self.timeout is not None:
            return self.timeout
        least = AT_LEAST if number in self._reported else AT_FIRST
        return max(TIMES * self.slowest, least) if self.slowest is not None else math.inf

    def overdue(self) -> dict[int, float]:
        """The trials that have been silent for too long, and how long, in seconds. To be called often."""
        now = self._clock()
        self._now += min(now - self._looked, LOOK)
        self._looked = now
        silent = {number: self._now - since for number, since in self._since.items()}
        return {number: seconds for number, seconds in silent.items() if seconds > self.limit(number)}
