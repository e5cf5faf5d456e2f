"""Which trial has been silent for too long. Really hung ones: tests/faults."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from raypose.config import Tune
from raypose.space import Space
from raypose.training.trial_folder import TrialFolder
from raypose.tuning.faults import stall
from raypose.tuning.faults.processes import innermost
from raypose.tuning.faults.silences import AT_FIRST, AT_LEAST, OPENING, Silences
from raypose.tuning.faults.stall import Watch
from raypose.tuning.search_state import SearchState

STACKS = """Thread 0x01 (most recent call first):
  File "/x/threading.py", line 1 in wait
  File "/x/ray/worker.py.txt", line 2 in main

Thread 0x02 (most recent call first):
  File "/x/mine.py", line 7 in stuck
  File "/x/raypose/tuning/worker.py", line 60 in _go
  File "/x/ray/tune.py", line 3 in run
  File "/x/threading.py", line 4 in bootstrap

Current thread 0x03 (most recent call first):
  File "/x/main.py", line 5 in <module>
"""


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


def wait(silences, time, seconds):
    for _ in range(seconds):
        time.now += 1
        overdue = silences.overdue()
    return overdue


def begin(silences, number):
    silences.start(number)
    silences.open(number)


def test_a_trial_that_says_nothing_for_the_given_time_is_overdue_before_its_first_report_as_well(time):
    silences = Silences(5, time)
    begin(silences, 0)
    begin(silences, 1)
    assert wait(silences, time, 4) == {}
    silences.report(1)
    assert wait(silences, time, 2) == {0: 6}
    silences.end(0)
    assert wait(silences, time, 4) == {1: 6}


def test_without_a_given_time_the_slowest_epoch_of_any_trial_sets_it(time):
    silences = Silences(None, time)
    begin(silences, 0)
    assert silences.limit(0) == math.inf  # nobody knows how long an epoch takes
    wait(silences, time, 20)
    silences.report(0)
    wait(silences, time, 3)
    silences.report(0)
    begin(silences, 1)
    assert silences.limit(0) == 200
    assert silences.limit(1) == AT_FIRST
    assert wait(silences, time, 201) == {0: 201}


def test_short_epochs_leave_a_minute(time):
    silences = Silences(None, time)
    begin(silences, 0)
    silences.report(0)
    assert silences.limit(0) == AT_LEAST


def test_a_restarted_trial_begins_again(time):
    silences = Silences(5, time)
    begin(silences, 0)
    wait(silences, time, 4)
    silences.end(0)  # its worker was lost
    wait(silences, time, 20)
    begin(silences, 0)
    assert wait(silences, time, 4) == {}


def test_time_in_which_nobody_listened_does_not_count(time):
    silences = Silences(5, time)
    begin(silences, 0)
    time.now += 3600
    assert silences.overdue() == {}
    assert wait(silences, time, 5) == {0: 6}


def test_the_time_that_a_worker_takes_to_start_is_no_silence(time):
    silences = Silences(5, time)
    silences.start(0)
    assert wait(silences, time, 100) == {}
    silences.open(0)
    assert wait(silences, time, 5) == {}
    assert wait(silences, time, 1) == {0: 6}
    silences.start(1)
    silences.end(0)
    assert wait(silences, time, int(OPENING) + 1) == {1: OPENING + 1}


def test_without_a_given_time_a_worker_may_take_long_to_start(time):
    silences = Silences(None, time)
    silences.start(0)
    assert silences.limit(0) == AT_FIRST
    silences.open(0)
    assert silences.limit(0) == math.inf


@pytest.fixture
def watch(tmp_path, time):
    (tmp_path / "trials").mkdir()
    tune = Tune(metric="score", num_trials=3, stall_timeout=5, max_failures=0)
    watch = Watch(SearchState(Space.parse("name: still\nx: {uniform: [0, 1]}\n"), tmp_path, tune, seed=0))
    watch.silences = Silences(5, time)
    return watch


def handed_out(watch):
    trial = SimpleNamespace(config={"number": watch.state.next_task().number}, status="RUNNING", error_file=None,
                            temporary_state=SimpleNamespace(ray_actor="its worker"))  # fmt: skip
    watch.on_trial_start(0, [trial], trial)
    return trial


def test_a_trial_counts_as_begun_once_its_worker_has_opened_its_folder(watch, time, monkeypatch):
    killed = []
    monkeypatch.setattr(stall, "end_worker", lambda meta, log: killed.append(meta["number"]) or "")
    trial = handed_out(watch)
    folder = TrialFolder(watch.state.files.path(0))
    for _ in range(2):  # the second time by another worker, after the first was lost
        for _ in range(50):
            time.now += 1
            watch.on_step_end(0, [trial])
        assert watch.state.is_live(0)
        folder.open("x: 1\n", {"number": 0})
        for _ in range(4):
            time.now += 1
            watch.on_step_end(0, [trial])
        assert watch.state.is_live(0)
        watch.on_trial_start(0, [trial], trial)
    folder.open("x: 1\n", {"number": 0})
    for _ in range(7):
        time.now += 1
        watch.on_step_end(0, [trial])
    folder.close("FAIL")
    assert killed == [0]
    assert [each.user_attrs["reason"] for each in watch.state.trials()] == ["hang"]


def test_a_worker_that_never_opens_a_trial_is_lost(watch, time, monkeypatch):
    killed = []
    monkeypatch.setattr(stall.ray, "kill", killed.append)
    trial = handed_out(watch)
    for _ in range(int(OPENING) + 10):
        time.now += 1
        watch.on_step_end(0, [trial])
    assert killed == ["its worker"]
    assert watch.state.is_live(0)  # Ray tells that it is gone
    watch.on_trial_error(0, [trial], trial)
    watch.on_step_end(0, [trial])
    assert [each.user_attrs["reason"] for each in watch.state.trials()] == ["worker_lost"]


@pytest.mark.parametrize(("spared", "losses"), [(0.5, 1), (5.0, 0)])
def test_a_worker_that_made_room_for_a_larger_one_is_not_counted_as_lost(watch, tmp_path, spared, losses):
    watch.state.tune = replace(watch.state.tune, max_failures=1)
    trial = handed_out(watch)
    trial.error_file = tmp_path / "error.txt"
    workers = f"Selected to kill: (A, pid=7, actual memory used=0.4GB)\n(B, pid=8, actual memory used={spared}GB)"
    trial.error_file.write_text(f"Failure # 1\n1 worker was killed due to the node running low on memory\n{workers}")
    watch.on_trial_recover(0, [trial], trial)
    watch.on_trial_start(0, [trial], trial)
    assert watch.state.trials()[0].user_attrs.get("losses", 0) == losses


def test_what_a_hung_trial_was_doing_is_told_by_its_own_thread():
    assert innermost(STACKS, count=2).splitlines() == [
        '  File "/x/raypose/tuning/worker.py", line 60 in _go',
        '  File "/x/mine.py", line 7 in stuck',
    ]
    assert innermost(STACKS, count=9).startswith('  File "/x/threading.py", line 4')
    assert innermost("") == ""
