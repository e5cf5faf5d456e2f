"""Ctrl-C and SIGTERM: end Ray Tune's loop in order, once; a second one ends the process at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Whether the search was asked to end, and by which signal. `on_signal` is called then."""

    def __init__(self, on_signal: Callable[[], Any]) -> None:
        self.signal: int | None = None
        self.on_signal = on_signal

    def __bool__(self) -> bool:
        return self.signal is not None

    def listen(self) -> None:
        """Take the signals; again after `ray.init`, which takes SIGTERM for itself."""
        if threading.current_thread() is threading.main_thread() and self.signal is None:
            for number in SIGNALS:
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.signal = number
        self.on_signal()
        signal.raise_signal(signal.SIGUSR1)  # what Tune's `fit` returns on


@contextlib.contextmanager
def interruptible(on_signal: Callable[[], Any]) -> Iterator[Interrupt]:
    """Within it, SIGINT and SIGTERM call `on_signal` and make Tune's `fit` return; in the main thread only."""
    interrupt = Interrupt(on_signal)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGUSR1)}
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until Tune listens to it
    interrupt.listen()
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
