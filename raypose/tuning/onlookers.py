"""Who looks at a running search and has no part in it: where a look fails, the search goes on without."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from ray.tune import Callback

from raypose.tuning.snapshots import PickledEmpty

SELDOM = 20  # times as long as a look takes, at least, since the search waits for it
logger = logging.getLogger("raypose")


class Onlooker(PickledEmpty, Callback):
    """Ray Tune has it look at the trials now and then, and once more at their end."""

    every = 1.0  # seconds between two looks, at least

    def __init__(self) -> None:
        self._next = 0.0

    def look(self, trials: list[Any]) -> None:
        """See how Ray Tune's trials are."""
        raise NotImplementedError

    def leave(self) -> None:
        """Take back what must not stay after the last look."""

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if (began := time.monotonic()) >= self._next:
            self._next = began + self.every
            self._try(self.look, trials)
            self._next = max(self._next, began + SELDOM * (time.monotonic() - began))

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        if self._next < math.inf:
            self._try(self.look, trials)
        self._try(self.leave)

    def _try(self, what: Callable[..., None], *arguments: Any) -> None:
        try:
            what(*arguments)
        except Exception as error:
            self._next = math.inf
            logger.warning("%s ended early, which the search can do without: %r", type(self).__name__, error)
