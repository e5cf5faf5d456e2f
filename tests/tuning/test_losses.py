"""Whose worker it was that Ray's memory monitor killed, and when to stop trying."""

import pytest

from raypose import RayPoseError
from raypose.config import Tune
from raypose.space import Space
from raypose.training.trial_folder import TrialFolder
from raypose.tuning.faults.losses import Losses
from raypose.tuning.search_state import SearchState

WORKER = (
    "{}(Actor(c2): task name=x, resources={{CPU: 1, bundle: 0.001}}, pid={}, actual memory used={}GB, worker ID=f8)"
)


class OutOfMemoryError(Exception):
    """Stands for Ray's of this name."""


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setattr("raypose.tuning.faults.losses.end_worker", lambda meta, log: "")
    (tmp_path / "trials").mkdir()
    tune = Tune(metric="score", num_trials=4, max_failures=1)
    state = SearchState(Space.parse("name: lossy\nx: {uniform: [0, 1]}\n"), tmp_path, tune, seed=0)
    hand_out(state)
    return state


def hand_out(state):
    while (task := state.next_task()) is not None:
        folder = TrialFolder(state.files.path(task.number))
        folder.open("x: 1\n", {"number": task.number})
        folder.update_meta({"pid": 100 + task.number, "node": "node1" if task.number < 3 else "node2", "host": "here"})
        folder.close("RUNNING")


def error(killed, spared=()):
    workers = [*(WORKER.format("Selected to kill: ", *each) for each in killed),
               *(WORKER.format("", *each) for each in spared)]  # fmt: skip
    text = "\n".join(["Memory on the node (ID: node1) was low", *workers, "Top: PID MEM", "103 9.00 ray::train"])
    gave_up = RuntimeError("Ray Tune: " + text)
    gave_up.__cause__ = OutOfMemoryError(text)
    return gave_up


def failed(state):
    return {trial.number: trial.user_attrs for trial in state.trials() if trial.state.name == "FAIL"}


def test_of_the_workers_that_ray_ended_for_memory_the_largest_is_to_blame(state):
    losses = Losses(state)
    for _ in range(2):
        losses.take(error(killed=[(100, 0.36), (101, 2.02)], spared=[(102, 3.5)]))
        hand_out(state)
    assert list(failed(state)) == [1]
    assert failed(state)[1]["reason"] == "out_of_memory"
    assert "had 2.02 GB" in failed(state)[1]["detail"]


def test_who_had_far_less_than_one_that_was_spared_is_not_to_blame(state):
    Losses(state).take(error(killed=[(100, 0.4), (101, 1.3)], spared=[(102, 3.0)]))
    assert [trial.user_attrs.get("losses", 0) for trial in state.trials()] == [0, 0, 0, 0]


def test_a_process_of_another_node_is_not_to_blame_for_its_number(state):
    losses = Losses(state)
    for _ in range(2):
        losses.take(error(killed=[(103, 2.0), (100, 0.3)]))
        hand_out(state)
    assert list(failed(state)) == [0]


def test_where_nobody_is_to_blame_and_nothing_goes_on_the_search_ends(state):
    losses = Losses(state)
    for _ in range(2):
        losses.take(RuntimeError("Ray broke"))
        hand_out(state)
    state.report(0, 1, {"score": 0.5})  # it goes on
    for _ in range(3):
        losses.take(RuntimeError("Ray broke"))
        hand_out(state)
    with pytest.raises(RayPoseError, match="Ray broke"):
        losses.take(RuntimeError("Ray broke"))
    assert not failed(state)
