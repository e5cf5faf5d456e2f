"""Ctrl-C and SIGTERM: end the search in order, once; a second one ends the process at once."""

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


@contextlib.contextmanager
def interruptible(on_signal: Callable[[], Any]) -> Iterator[Interrupt]:
    """Within it, SIGINT and SIGTERM call `on_signal`; in the main thread only."""
    interrupt = Interrupt(on_signal)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupt.listen()
    try:
        yield interrupt
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
