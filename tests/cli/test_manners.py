"""What scripts rely on, of every command: an instant --help, and an exit status that says what happened."""

import errno
import os
import subprocess
import sys

import pytest

from raypose import journal
from raypose.cli import COMMANDS
from raypose.cli._next import listed, quoted
from raypose.cli.data import COMMANDS as DATA_COMMANDS

EVERY = [[name] for name in COMMANDS if name != "data"] + [["data", name] for name in DATA_COMMANDS]
HEAVY = {
    "torch",
    "torchvision",
    "timm",
    "ray",
    "optuna",
    "pandas",
    "numpy",
    "scipy",
    "cv2",
    "rich",
    "vl_convert",
    "onnx",
}

# Of each command, what is not there or not known.
WRONG = {
    "init": ["no.json"],
    "check": ["no.yaml"],
    "sample": ["no.yaml"],
    "tune": ["no.yaml"],
    "watch": ["no-experiment"],
    "show": ["no-experiment"],
    "report": ["no-experiment"],
    "best": ["no-experiment"],
    "train": ["no-model"],
    "evaluate": ["no-model"],
    "predict": ["no-model", "no.png"],
    "export": ["no-model"],
    "data show": ["no.yaml"],
    "data build": ["no.yaml"],
    "data info": ["--unheard-of"],
    "data clear": ["--unheard-of"],
    "data convert": ["no-project", "--to", "somewhere"],
    "list": ["nothings"],
    "schema": ["--plugin", "no.py"],
    "version": ["--unheard-of"],
}


def test_no_help_loads_anything_heavy():
    """One process for all of them: what the first one would load, the last one has loaded."""
    code = f"""
import sys
from raypose.cli import raypose
for words in {EVERY}:
    raypose([*words, "--help"], standalone_mode=False)
print(sorted({HEAVY} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stdout.count("Usage: ") == len(EVERY)


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_wrong_input_is_status_2_and_one_clear_message(cli, words, tmp_path):
    result = cli(*words, *WRONG[" ".join(words)])
    assert result.status == 2
    assert result.err.startswith(("error: ", "Usage: "))
    assert "Traceback" not in result.err
    assert not list(tmp_path.iterdir()), "something was left behind"


def test_interrupted_is_status_130(cli, monkeypatch):
    def interrupted(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "load_study", interrupted)
    result = cli("show", "experiments/quickstart")
    assert (result.status, result.err.strip()) == (130, "interrupted")


def test_what_fails_while_it_runs_is_status_1(cli, monkeypatch):
    def broken(folder):
        raise RuntimeError("this is broken")

    monkeypatch.setattr(journal, "load_study", broken)
    result = cli("show", "experiments/quickstart")
    assert result.status == 1
    assert "error: " in result.err
    assert "this is broken" in result.err


@pytest.mark.parametrize(("number", "status", "told"), [
    (errno.EACCES, 2, "permission denied; name another place, or ask for the right to it"),
    (errno.ENOTDIR, 2, "not a directory; a part of this path is a file, no folder"),
    (errno.ENOSPC, 1, "no space left on device"),
])  # fmt: skip
def test_what_the_system_refuses_is_one_line_with_the_path(cli, monkeypatch, number, status, told):
    def refused(folder):
        raise OSError(number, os.strerror(number), "mice/report.html")

    monkeypatch.setattr(journal, "load_study", refused)
    result = cli("show", "experiments/quickstart")
    assert (result.status, result.err) == (status, f"error: mice/report.html: {told}\n")


def test_an_error_of_the_system_about_no_file_keeps_its_traceback(cli, monkeypatch):
    def lost(folder):
        raise ConnectionResetError("the node is gone")

    monkeypatch.setattr(journal, "load_study", lost)
    result = cli("show", "experiments/quickstart")
    assert result.status == 1
    assert "Traceback" in result.err
    assert "ConnectionResetError: the node is gone" in result.err.splitlines()[-1]


def test_next_commands_take_paths_with_spaces(monkeypatch):
    commands = {f"raypose show {quoted('my mice')}": "all trials", "raypose list": "what there is"}
    monkeypatch.setenv("COLUMNS", "80")
    assert listed(commands) == [
        "next:",
        "  raypose show 'my mice'  # all trials",
        "  raypose list            # what there is",
    ]
    monkeypatch.setenv("COLUMNS", "30")
    assert listed(commands)[1:3] == ["  # all trials", "  raypose show 'my mice'"]
