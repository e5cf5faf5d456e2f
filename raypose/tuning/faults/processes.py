"""Worker processes from outside: end one on whatever node it runs, and hear where it was."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STACK = signal.SIGUSR2  # a worker writes the stacks of its threads into its trial's log then
WRITING = 2.0  # seconds that it is given for that
WORKER = str(Path("tuning", "worker.py"))  # in the stack of the thread that runs a trial
ANSWERING = 30.0  # and a node, to end a process


@contextlib.contextmanager
def showing_stacks(log: Path) -> Iterator[None]:
    """Within it, this process appends its threads' stacks to `log` on the signal STACK, even while it hangs in C."""
    with open(log, "a") as file:
        faulthandler.register(STACK, file, all_threads=True, chain=False)
        try:
            yield
        finally:
            faulthandler.unregister(STACK)


def end_worker(meta: Mapping[str, Any], log: Path) -> str:
    """End the worker process of a trial, on its node; returns the innermost lines of what it was doing, if it could
    still tell. A node that is gone took its processes along.

    Args:
        meta: the trial's meta.json: `pid` and `node`.
        log: the trial's log.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if "pid" not in meta or "node" not in meta:
        return ""
    there = NodeAffinitySchedulingStrategy(meta["node"], soft=False)
    task = ray.remote(end_process).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
    try:
        return innermost(ray.get(task.remote(meta["pid"], log), timeout=ANSWERING))
    except ray.exceptions.RayError:
        return ""


def end_process(pid: int, log: Path) -> str:
    """Kill a process of Ray's on this machine; returns what it appended to `log` when asked for its stacks."""
    if not _is_a_worker(pid):
        return ""
    size = log.stat().st_size if log.exists() else 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, STACK)
        text = _appended(log, size)
        os.kill(pid, signal.SIGKILL)
        return text
    return ""


def innermost(stacks: str, count: int = 4) -> str:
    """The lines of the thread that ran the trial, in the order of a traceback; `stacks` is faulthandler's text.

    Example:
        >>> print(innermost('Thread 1:\\n  File "a.py", line 3 in f\\n  File "tuning/worker.py", line 9 in g'))
          File "tuning/worker.py", line 9 in g
          File "a.py", line 3 in f
    """
    for thread in stacks.split("\n\n"):
        lines = [line for line in thread.splitlines() if line.startswith("  File ")]
        if any(WORKER in line for line in lines):
            return "\n".join(reversed(lines[:count]))
    return ""


def _appended(log: Path, size: int) -> str:
    text, deadline = "", time.monotonic() + WRITING
    while time.monotonic() < deadline:
        time.sleep(0.1)
        known, text = text, log.read_bytes()[size:].decode(errors="replace") if log.exists() else ""
        if text and text == known:
            break
    return text


def _is_a_worker(pid: int) -> bool:
    # The number may be another process's by now; where there is no /proc, nobody can say.
    command = Path(f"/proc/{pid}/cmdline")
    if not command.parent.parent.joinpath("self").exists():
        return True
    return command.exists() and command.read_bytes().startswith(b"ray::")
