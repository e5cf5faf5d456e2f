"""Ctrl-C and SIGTERM: end Ray Tune's loop in order, once; a second one ends the process at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Interrupt:
    """Whether the search was asked to end, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextlib.contextmanager
def interruptible(on_signal: Callable[[], Any]) -> Iterator[Interrupt]:
    """Within it, SIGINT and SIGTERM call `on_signal` and make Tune's `fit` return (through SIGUSR1, its own way)."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def handle(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        interrupt.signal = number
        on_signal()
        signal.raise_signal(signal.SIGUSR1)

    # Until Tune listens to SIGUSR1 it must not end the process.
    before = {signal.SIGUSR1: signal.signal(signal.SIGUSR1, signal.SIG_IGN)}
    before |= {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
