"""Who looks at a running search and has no part in it: where a look fails, the search goes on without."""

from __future__ import annotations

import logging
import time
from typing import Any

from ray.tune import Callback

from raypose.tuning.snapshots import PickledEmpty

logger = logging.getLogger("raypose")


class Onlooker(PickledEmpty, Callback):
    """Ray Tune has it look at the trials now and then, and once more at their end."""

    every = 1.0  # seconds between two looks

    def __init__(self) -> None:
        self._next = 0.0
        self._failed = False

    def look(self, trials: list[Any]) -> None:
        """See how Ray Tune's trials are."""
        raise NotImplementedError

    def leave(self) -> None:
        """Take back what must not stay after the last look."""

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self.every
            self._try(self.look, trials)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        self._try(self.look, trials)
        self._try(self.leave)

    def _try(self, what: Any, *arguments: Any) -> None:
        if self._failed:
            return
        try:
            what(*arguments)
        except Exception as error:
            self._failed = True
            logger.info("%s ended early, which the search can do without: %s", type(self).__name__, error)
