"""What a trial prints is kept in its folder."""

import os
import subprocess
import sys
import textwrap

from raypose.tuning.printed import printed_to

SCRIPT = """
import ctypes, os, subprocess, sys
from pathlib import Path
from raypose.tuning.printed import printed_to
print("before")
with printed_to(Path("log.txt")):
    print("of Python")
    print("an error", file=sys.stderr)
    subprocess.run(["echo", "of a child"])
    ctypes.CDLL(None).write(2, b"of C\\n", 5)
    if len(sys.argv) > 1:
        os.abort()
print("after")
"""


def test_all_that_a_process_prints(tmp_path):
    (tmp_path / "log.txt").write_text("there already\n")
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "before\nafter\n", "")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert lines[0] == "there already"
    assert sorted(lines[1:]) == ["an error", "of C", "of Python", "of a child"]


def test_the_last_words_of_a_crash(tmp_path):
    done = run(tmp_path, "crash")
    assert done.returncode < 0
    assert "Fatal Python error: Aborted" in (tmp_path / "log.txt").read_text()


def test_nothing_stays_open(tmp_path):
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        with printed_to(tmp_path / "log.txt"):
            pass
    assert len(os.listdir("/dev/fd")) == before


def run(folder, *arguments):
    command = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
