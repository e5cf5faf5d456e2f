"""Searches as processes of their own: started, watched, compared with what they were before a fault."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raypose.reporting.records import load_records

SCRIPT = Path(__file__).with_name("scripted.py")
NAME = "faulty"


@contextlib.contextmanager
def search(folder, address, env=None, **options):
    """A search in `folder`/faulty on the cluster at `address` (None: one of its own); see `scripted.main`."""
    with open(folder / "output.txt", "w") as output:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), address or "local", json.dumps(options)],
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=env,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def run(folder, address, timeout=300, **options):
    """A search that comes to its end."""
    with search(folder, address, **options) as process:
        status = process.wait(timeout=timeout)
    assert status == 0, said(folder)
    return records(folder)


def said(folder):
    return (folder / "output.txt").read_text()


def trials(folder):
    return folder / NAME / "trials"


def meta(folder, number):
    return json.loads((trials(folder) / f"{number:04d}" / "meta.json").read_text())


def records(folder):
    return load_records(folder / NAME)[0]


def finished(folder):
    return {each.number: each for each in records(folder) if each.state != "RUNNING"}


def running(folder):
    """The running trials that have a process and an epoch: their meta.json by number."""
    if not (folder / NAME / "study.journal").exists():
        return {}
    numbers = [each.number for each in records(folder) if each.state == "RUNNING" and each.epochs]
    return {number: meta(folder, number) for number in numbers}


def epochs(folder):
    return sum(path.read_text().count("\n") for path in trials(folder).glob("*/metrics.jsonl"))


def wait_until(true, folder, process, seconds=90):
    """Until `true()` is; returns what it gave."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, said(folder)
        if found := true():
            return found
        time.sleep(0.1)
    pytest.fail(said(folder))


def wait_for_epochs(folder, count, process):
    """Until there are so many more."""
    before = epochs(folder)
    wait_until(lambda: epochs(folder) >= before + count, folder, process)


def check_nothing_changed(folder, before):
    """What was finished is as it was; returns what is finished now."""
    after = finished(folder)
    assert {number: after[number] for number in before} == before
    return after


def check_nothing_is_lost(folder, before, count, lost, better=max):
    """As many trials as were asked for are finished, each once, and the best is no worse; returns them."""
    after, numbers = check_nothing_changed(folder, before), [each.number for each in records(folder)]
    for number in range(count):
        if number not in after or numbers.count(number) != 1:
            lost(f"trial {number}")
    assert sorted(numbers) == sorted(after) == list(range(count))
    values, known = ([each.value for each in some.values() if each.state == "COMPLETE"] for some in (after, before))
    assert better(values) == better([*values, *known])
    return after
