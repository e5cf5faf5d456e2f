"""Ctrl-C and SIGTERM, once and twice, in a process of their own; a search that gets them: tests/faults."""

import contextlib
import signal
import subprocess
import sys
import time

import pytest

CODE = """
import time
from raypose.tuning.faults.interrupt import interruptible

with interruptible(lambda: print("asked", flush=True)) as interrupt:
    print("ready", flush=True)
    while interrupt.signal is None or {stubborn}:
        time.sleep(0.02)
print("ended by", interrupt.signal, flush=True)
"""


@contextlib.contextmanager
def started(stubborn):
    process = subprocess.Popen(
        [sys.executable, "-c", CODE.format(stubborn=stubborn)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks(number):
    with started(stubborn=False) as process:
        process.send_signal(number)
        assert process.communicate(timeout=10)[0] == f"asked\nended by {int(number)}\n"
        assert process.returncode == 0


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_at_once(first, second):
    with started(stubborn=True) as process:
        process.send_signal(first)
        assert process.stdout.readline() == "asked\n"
        sent = time.monotonic()
        process.send_signal(second)
        assert process.wait(timeout=10) == -second
        assert time.monotonic() - sent < 3
        assert "ended" not in process.stdout.read()
