"""Which trial has been silent for too long. Really hung ones: tests/faults."""

import math

import pytest

from raypose.tuning.faults.processes import innermost
from raypose.tuning.faults.stall import AT_FIRST, AT_LEAST, Silences

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


def test_a_trial_that_says_nothing_for_the_given_time_is_overdue_before_its_first_report_as_well(time):
    silences = Silences(5, time)
    silences.start(0)
    silences.start(1)
    assert wait(silences, time, 4) == {}
    silences.report(1)
    assert wait(silences, time, 2) == {0: 6}
    silences.end(0)
    assert wait(silences, time, 4) == {1: 6}


def test_without_a_given_time_the_slowest_epoch_of_any_trial_sets_it(time):
    silences = Silences(None, time)
    silences.start(0)
    assert silences.limit(0) == math.inf  # nobody knows how long an epoch takes
    wait(silences, time, 20)
    silences.report(0)
    wait(silences, time, 3)
    silences.report(0)
    silences.start(1)
    assert silences.limit(0) == 200
    assert silences.limit(1) == AT_FIRST
    assert wait(silences, time, 201) == {0: 201}


def test_short_epochs_leave_a_minute(time):
    silences = Silences(None, time)
    silences.start(0)
    silences.report(0)
    assert silences.limit(0) == AT_LEAST


def test_a_restarted_trial_begins_again(time):
    silences = Silences(5, time)
    silences.start(0)
    wait(silences, time, 4)
    silences.end(0)  # its worker was lost
    wait(silences, time, 20)
    silences.start(0)
    assert wait(silences, time, 4) == {}


def test_time_in_which_nobody_listened_does_not_count(time):
    silences = Silences(5, time)
    silences.start(0)
    time.now += 3600
    assert silences.overdue() == {}
    assert wait(silences, time, 5) == {0: 6}


def test_what_a_hung_trial_was_doing_is_told_by_its_own_thread():
    assert innermost(STACKS, count=2).splitlines() == [
        '  File "/x/raypose/tuning/worker.py", line 60 in _go',
        '  File "/x/mine.py", line 7 in stuck',
    ]
    assert innermost(STACKS, count=9).startswith('  File "/x/threading.py", line 4')
    assert innermost("") == ""
