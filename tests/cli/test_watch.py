"""`raypose watch`: a search that runs in another process, until it ends."""

import io
import json
import signal
import subprocess
import sys
import threading
import time

import pytest
from optuna.trial import TrialState
from rich.console import Console

from raypose.cli import watch
from raypose.config import Tune
from raypose.reporting.followed import Followed
from raypose.space import Space
from raypose.tuning.faults.lock import locked
from raypose.tuning.search_state import SearchState

TEXT = "name: watched\nlr: {uniform: [0, 1]}\ntraining: {epochs: 3}\ntune: {metric: AP, num_trials: 3}\n"


def begun(folder):
    folder.mkdir(exist_ok=True)
    (folder / "trials").mkdir()
    (folder / "space.yaml").write_text(TEXT)
    return SearchState(Space.parse(TEXT), folder, Tune(metric="AP", num_trials=3), seed=0)


def train(state, epochs=3, state_after=TrialState.COMPLETE):
    task = state.next_task()
    for epoch in range(1, epochs + 1):
        state.report(task.number, epoch, {"AP": epoch / 10})
    if state_after:
        state.finish(task.number, state_after)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(watch, "REFRESH", 0.02)


@pytest.fixture
def look(monkeypatch):
    """A step of a search: wait until the watching in this process has seen what was done before."""
    seen, snapshot = [], Followed.snapshot
    monkeypatch.setattr(Followed, "snapshot", lambda self: (snapshot(self), seen.append(self))[0])

    def wait(state):
        before, end = len(seen), time.monotonic() + 20
        while len(seen) < before + 2 and time.monotonic() < end:
            time.sleep(0.01)

    return wait


@pytest.fixture
def searching(tmp_path):
    """`searching(steps)`: another thread that holds the lock of a folder, and takes steps of a search in it."""
    folder, threads = tmp_path / "watched", []
    folder.mkdir()

    def start(*steps):
        held = threading.Event()

        def search():
            with locked(folder):
                held.set()
                time.sleep(0.1)
                state = begun(folder)
                for step in steps:
                    step(state)

        threads.append(threading.Thread(target=search))
        threads[0].start()
        held.wait(5)
        return folder

    yield start
    threads[0].join()


def test_lines_where_there_is_no_terminal(cli, searching, look):
    """It waits for the first trial, tells each that ends, and ends with the search."""
    folder = searching(look, train, look, lambda state: train(state, 1, TrialState.PRUNED), train)
    result = cli("watch", folder)
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("0/3 trials, 0:00 elapsed")
    assert [text.split(" after ")[0] for text in lines[1:4]] == [
        "trial 0 COMPLETE AP 0.3",
        "trial 1 PRUNED AP 0.1",
        "trial 2 COMPLETE AP 0.3",
    ]
    assert lines[4].startswith("3/3 trials, 1 pruned, best AP 0.3 (trial 0), 0:00 elapsed")
    assert lines[-2:] == ["the search has ended", f"next: raypose show {folder}"]


def test_what_had_ended_before_is_not_told_again(cli, searching, look):
    folder = searching(train, look, train)
    while not (folder / "study.journal").exists() or '"state":1' not in (folder / "study.journal").read_text():
        time.sleep(0.01)
    lines = cli("watch", folder).out.splitlines()
    assert lines[0].startswith("1/3 trials, best AP 0.3 (trial 0)")
    assert lines[1].startswith("trial 1 COMPLETE")


def test_a_live_table_on_a_terminal(cli, searching, look, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        "rich.console.Console",
        lambda: Console(file=screen, force_terminal=True, width=80, height=24, color_system=None),
    )
    folder = searching(lambda state: train(state, 2, None), look, lambda state: state.finish(0, TrialState.COMPLETE))
    assert cli("watch", folder).status == 0
    text = screen.getvalue()
    assert "waiting for the first trial" in text
    assert "RUNNING" in text
    assert "best AP 0.2 (trial 0)" in text.rpartition("RUNNING")[2]
    assert text.endswith(f"the search has ended\nnext: raypose show {folder}\n")


def test_a_script_reads_how_it_is(cli, searching):
    began, ended = threading.Event(), threading.Event()
    second = lambda state: train(state, 2, None)  # noqa: E731
    folder = searching(train, second, lambda state: began.set(), lambda state: ended.wait(20))
    began.wait(20)
    found = json.loads(cli("watch", folder, "--once", "--json").out)
    ended.set()
    assert (found["is_running"], found["trials"], found["num_trials"]) == (True, 1, 3)
    assert found["states"] == {"COMPLETE": 1}
    assert found["best"] == {"trial": 0, "values": {"AP": 0.3}}
    assert found["running"] == [{"trial": 1, "epochs": 2}]


def test_once(cli, searching, tmp_path):
    began, ended = threading.Event(), threading.Event()
    folder = searching(lambda state: train(state, 2, None), lambda state: began.set(), lambda state: ended.wait(20))
    began.wait(20)
    result = cli("watch", folder, "--once")
    ended.set()
    assert "0/3 trials" in result.out
    assert "RUNNING" in result.out
    assert "ended" not in result.out
    assert result.status == 0


def test_a_search_that_was_killed(cli, tmp_path):
    state = begun(tmp_path / "watched")
    train(state)
    train(state, 1, None)
    with open(tmp_path / "watched" / "study.journal", "a") as file:
        file.write('{"op_code":7,"wor')
    result = cli("watch", "watched")
    assert result.status == 0
    assert result.out.startswith("1/3 trials, best AP 0.3 (trial 0)")
    assert "the search is not running any more: 1 trial goes on with `raypose tune --resume`" in result.out
    assert "stopped" in cli("watch", "watched", "--once").out


def test_wrong_turns(cli, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name, message in (("none", "no folder"), ("file", "no folder"), ("empty", "is not an experiment")):
        result = cli("watch", name)
        assert (result.status, result.out) == (2, "")
        assert message in result.err


def test_ctrl_c_ends_the_watching_alone(searching):
    ended = threading.Event()
    folder = searching(train, lambda state: ended.wait(20))
    process = subprocess.Popen(
        [sys.executable, "-m", "raypose", "watch", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, a shell has had them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert "trials" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    status = process.wait(10)
    ended.set()
    assert (status, process.stderr.read().strip()) == (130, "interrupted")
