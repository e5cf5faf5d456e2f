"""The search's own process killed, told to end, out of disk, its files torn: a resume goes on and loses nothing."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raypose import journal
from raypose.reporting.records import load_records

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("scripted.py")
TRIALS = 6


@contextlib.contextmanager
def search(folder, address, resume=False, **options):
    given = json.dumps({"kinds": ["good"], "trials": TRIALS, "pause": 0.3, "resume": resume, **options})
    with open(folder / "output.txt", "w") as output:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), address, given],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def wait_for_epochs(folder, count, process):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "output.txt").read_text()
        rows = [path.read_text().count("\n") for path in folder.glob("faulty/trials/*/metrics.jsonl")]
        if sum(rows) >= count:
            return
        time.sleep(0.1)
    pytest.fail((folder / "output.txt").read_text())


def finished(folder):
    return {each.number: each for each in load_records(folder / "faulty")[0] if each.state == "COMPLETE"}


def check_nothing_is_lost(folder, before, lost):
    after = finished(folder)
    for number in set(range(TRIALS)) - set(after):
        lost(f"trial {number}")
    assert sorted(after) == list(range(TRIALS))
    assert {number: after[number] for number in before} == before
    best = max((each.value for each in before.values()), default=0)
    assert max(each.value for each in after.values()) >= best


def test_a_driver_that_ends_in_any_way_is_resumed(tmp_path, three_nodes, inject, lost):
    known = {}
    signals = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGKILL]
    for round, number in enumerate(signals):
        with search(tmp_path, three_nodes.address, resume=round > 0, pause=0.5) as process:
            wait_for_epochs(tmp_path, 4 * round + 3, process)
            sent = time.monotonic()
            os.kill(process.pid, number)
            status = process.wait(timeout=30)
        inject(f"driver {signal.Signals(number).name}")
        if number == signal.SIGKILL:
            assert status == -signal.SIGKILL
        else:
            assert status == 128 + number
            assert time.monotonic() - sent < 10
            running = [each for each in load_records(tmp_path / "faulty")[0] if each.state == "RUNNING"]
            metas = [tmp_path / "faulty" / "trials" / f"{each.number:04d}" / "meta.json" for each in running]
            assert all("interrupted" in json.loads(meta.read_text()) for meta in metas if meta.exists())
        now = finished(tmp_path)
        assert {each: now[each] for each in known} == known
        known = now
    path = tmp_path / "faulty" / journal.FILE_NAME
    path.write_bytes(path.read_bytes()[:-7])
    inject("torn journal")
    known = finished(tmp_path)
    with search(tmp_path, three_nodes.address, resume=True) as process:
        assert process.wait(timeout=120) == 0, (tmp_path / "output.txt").read_text()
    check_nothing_is_lost(tmp_path, known, lost)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file system of its own")
def test_a_full_disk_ends_the_search_and_a_resume_goes_on(tmp_path, three_nodes, inject, lost):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=False)
    if mount.returncode:
        pytest.skip("no file system may be mounted")
    try:
        with search(disk, three_nodes.address, pause=0.5) as process:
            wait_for_epochs(disk, 5, process)
            filler = disk / "filler"
            with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(512))
            status = process.wait(timeout=60)
        inject("disk full")
        known = finished(disk)
        filler.unlink()
        assert status == 1
        assert not list(disk.glob("faulty/**/*.tmp"))
        with search(disk, three_nodes.address, resume=True) as process:
            assert process.wait(timeout=120) == 0, (disk / "output.txt").read_text()
        check_nothing_is_lost(disk, known, lost)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
