"""The search's own process killed, told to end, its journal torn: a resume goes on and loses nothing."""

import os
import signal
import time

import pytest
from driving import (
    check_nothing_changed,
    check_nothing_is_lost,
    meta,
    records,
    run,
    said,
    search,
    trials,
    wait_for_epochs,
    wait_until,
)

from raypose import journal

pytestmark = pytest.mark.slow
OPTIONS = {"kinds": ["long"], "trials": 6, "pause": 0.3}


def long_epochs(folder):
    """How many trials have been in the middle of an epoch of a minute."""
    return len(list(trials(folder).glob("*/broken")))


def test_a_driver_that_ends_in_any_way_is_resumed(tmp_path, three_nodes, inject, lost):
    known, address = {}, three_nodes.address
    for round, number in enumerate([signal.SIGTERM, signal.SIGINT]):
        with search(tmp_path, address, resume=round > 0, **OPTIONS) as process:
            begun = 3 * round + 3
            wait_until(lambda begun=begun: long_epochs(tmp_path) == begun, tmp_path, process)
            sent = time.monotonic()
            os.kill(process.pid, number)
            assert process.wait(timeout=30) == 128 + number, said(tmp_path)
        assert time.monotonic() - sent < 10
        inject(f"driver {signal.Signals(number).name}")
        known = check_nothing_changed(tmp_path, known)
        left = [each.number for each in records(tmp_path) if each.state == "RUNNING"]
        assert len(left) == 3
        assert all("interrupted" in meta(tmp_path, each) for each in left)
    with search(tmp_path, address, resume=True, **OPTIONS) as process:
        wait_for_epochs(tmp_path, 1, process)
        os.kill(process.pid, signal.SIGKILL)
    inject("driver SIGKILL")
    known = check_nothing_changed(tmp_path, known)
    path = tmp_path / "faulty" / journal.FILE_NAME
    path.write_bytes(path.read_bytes()[:-7])
    inject("torn journal")
    known = check_nothing_changed(tmp_path, known)
    run(tmp_path, address, resume=True, **OPTIONS)  # at once: nobody holds the experiment
    check_nothing_is_lost(tmp_path, known, 6, lost)
