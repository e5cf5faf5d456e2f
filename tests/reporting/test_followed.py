"""What another process's search looks like from its folder."""

import fcntl
import os
from datetime import datetime

import pytest
from optuna.trial import TrialState

from raypose import RayPoseError
from raypose.config import Tune
from raypose.files import last_json_line
from raypose.reporting.followed import Followed, Lengths, is_running, since
from raypose.space import Space
from raypose.tuning.faults.lock import locked
from raypose.tuning.search_state import SearchState

TEXT = """
name: followed
kind: {choice: [a, b]}
training: {epochs: {choice: [3, 5]}}
tune: {metric: score, num_trials: 4}
"""


@pytest.fixture
def state(tmp_path):
    (tmp_path / "trials").mkdir()
    (tmp_path / "space.yaml").write_text(TEXT)
    return SearchState(Space.parse(TEXT), tmp_path, Tune(metric="score", num_trials=6), seed=0)


def begin(state):
    """A trial, as a worker begins it."""
    task = state.next_task()
    folder = state.files.path(task.number)
    folder.mkdir()
    (folder / "config.yaml").write_text(task.text)
    return task, folder / "metrics.jsonl"


def test_a_search_that_goes_on(state, tmp_path):
    with locked(tmp_path):
        task, metrics = begin(state)
        followed = Followed(tmp_path)
        assert followed.snapshot().latest == {0: {}}
        metrics.write_text('{"epoch": 1, "score": 0.25, "samples_per_second": 12.5}\n{"epoch": 2, "sco')
        state.report(task.number, 1, {"score": 0.25})
        seen = followed.snapshot()
        assert seen.summary == "0/6 trials"  # as it was started, not as its space says
        assert seen.latest[0] == {"epoch": 1, "score": 0.25, "samples_per_second": 12.5}
        assert seen.lengths == {0: task.config["training"]["epochs"]}
        assert (seen.is_running, seen.running[0].value) == (True, 0.25)
        state.finish(task.number, TrialState.COMPLETE)
        assert followed.snapshot().summary == "1/6 trials, best score 0.25 (trial 0)"
    assert not followed.snapshot().is_running


def test_time_stands_still_once_it_has_ended(state, tmp_path):
    task, _ = begin(state)
    state.report(task.number, 1, {"score": 0.25})
    state.finish(task.number, TrialState.COMPLETE)
    ended = state.trial(0).datetime_complete
    assert Followed(tmp_path).snapshot().now == ended


def test_a_search_without_a_trial_is_waited_for(tmp_path):
    with locked(tmp_path):
        followed = Followed(tmp_path)
        assert followed.snapshot() is None
        (tmp_path / "study.journal").touch()
        assert followed.snapshot() is None
        (tmp_path / "study.journal").unlink()
        (tmp_path / "trials").mkdir()
        SearchState(Space.parse(TEXT), tmp_path, Tune(metric="score", num_trials=6), seed=0)
        assert followed.snapshot().summary == "0/6 trials"


def test_a_folder_that_is_no_experiment(tmp_path):
    for folder, message in ((tmp_path, "is not an experiment"), (tmp_path / "none", "there is no folder")):
        with pytest.raises(RayPoseError, match=message):
            Followed(folder)


def test_a_damaged_journal_is_told_while_it_runs(tmp_path):
    (tmp_path / "study.journal").write_text('{"op_code":0}\nnonsense\n{"op_code":0}\n')
    with locked(tmp_path), pytest.raises(RayPoseError, match="damaged"):
        Followed(tmp_path)


def test_an_older_experiment_has_the_number_of_its_trials_in_its_space(state, tmp_path):
    journal = tmp_path / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if "num_trials" not in line))
    assert Followed(tmp_path).snapshot().summary == "0/4 trials"


def test_looking_does_not_keep_a_search_from_starting(tmp_path):
    """Who looks holds the lock for a moment; a search tries again."""
    assert not is_running(tmp_path)
    assert since(tmp_path) is None
    before = datetime.now().replace(microsecond=0)
    with locked(tmp_path):
        assert is_running(tmp_path)
        assert since(tmp_path) >= before
    with open(tmp_path / ".lock") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        if os.fork() == 0:  # shares the lock, and lets go of it a moment later
            import time

            time.sleep(0.03)
            os._exit(0)
        looking.close()
        with locked(tmp_path):
            assert is_running(tmp_path)
    os.wait()
    assert not is_running(tmp_path)


def test_the_epochs_of_trials(tmp_path):
    for number, text in enumerate(
        ["training: {epochs: 7}", "model: {}", "x: 1", "training: [", "training: {epochs: x}"]
    ):
        (tmp_path / "trials" / f"{number:04d}").mkdir(parents=True)
        (tmp_path / "trials" / f"{number:04d}" / "config.yaml").write_text(text + "\n")
    lengths = Lengths(tmp_path)
    assert [lengths.of(number) for number in range(6)] == [7, 20, None, None, None, None]


def test_the_last_line_of_a_long_file(tmp_path):
    file = tmp_path / "metrics.jsonl"
    assert last_json_line(file) == {}
    file.write_text("".join(f'{{"epoch": {epoch}}}\n' for epoch in range(5000)) + '{"epo')
    assert last_json_line(file) == {"epoch": 4999}
    file.write_text('{"epoch": 1')
    assert last_json_line(file) == {}
