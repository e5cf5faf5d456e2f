"""The same resolved configuration is not trained twice, and a space that is used up ends the search well."""

import optuna
import pytest
from optuna.trial import TrialState

from raypose.config import Tune
from raypose.reporting.records import load_records
from raypose.reporting.roles import DUPLICATE, OF, REPEAT, role
from raypose.space import Space
from raypose.tuning.drawing.duplicates import Tried
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.sampling.samplers import build_sampler
from raypose.tuning.search_state import SearchState

SPACE = """
name: duplicates
model: {choice: [{type: A, depth: {choice: [18, 34]}}, {type: A, label: B, depth: {choice: [34, 50]}}, {type: C}]}
width: {quniform: [0, 0.4, 0.2]}
"""
SIZE = 12  # depth 34 is in two options


@pytest.fixture
def open_state(tmp_path, monkeypatch):
    monkeypatch.setattr("optuna.storages.journal._file.os.fsync", lambda file: None)

    def make(sampler="RandomSampler", space=SPACE, limits=None, points=(), **settings):
        (tmp_path / "trials").mkdir(exist_ok=True)
        tune = Tune(**{"metric": "score", "num_trials": 99, **settings})
        space = Space.parse(space)
        state = SearchState(space, tmp_path, tune, seed=0, limits=limits, initial_points=points)
        state.study.sampler = build_sampler({"type": sampler}, 0, space, len(state.trials()))
        return state

    return make


def finish(state, task, end=TrialState.COMPLETE, reason=""):
    state.report(task.number, 1, {"score": task.config.get("width", 0.5)})
    state.finish(task.number, end, reason)
    return task


def run(state, count=99):
    tasks = []
    while len(tasks) < count and (task := state.next_task()) is not None:
        tasks.append(finish(state, task))
    return tasks


def different(tasks):
    return {str({key: value for key, value in task.config.items() if key != "seed"}) for task in tasks}


@pytest.mark.parametrize("sampler", ["TPESampler", "RandomSampler", "BruteForceSampler", "NSGAIISampler"])
def test_a_finite_space_is_used_up_without_a_duplicate(open_state, tmp_path, sampler):
    state = open_state(sampler)
    tasks = run(state)
    assert len(tasks) == len(different(tasks)) == SIZE
    assert "tried" in state.stopped
    assert state.over.error is None
    refused = [trial for trial in state.trials() if role(trial) == DUPLICATE]
    assert refused
    assert all(trial.state == TrialState.COMPLETE and not trial.intermediate_values for trial in refused)
    assert all(trial.values == state.trials()[trial.user_attrs[OF]].values for trial in refused)
    first = state.trials()[refused[0].user_attrs[OF]]
    tried = Tried(state.space, ())
    assert tried.digest(first.params) == tried.digest(refused[0].params)
    assert len(load_records(tmp_path)[0]) == SIZE
    again = open_state(sampler)
    assert (again.remaining, again.stopped) == (0, state.stopped)
    assert open_state(sampler, num_trials=SIZE).stopped == ""


def test_a_resume_knows_what_is_tried_and_hands_out_what_was_interrupted(open_state):
    state = open_state()
    first = run(state, 5)
    interrupted = state.next_task()
    again = open_state()
    assert again.next_task().number == interrupted.number
    tasks = [*first, finish(again, interrupted), *run(again)]
    assert len(tasks) == len(different(tasks)) == SIZE


def test_a_running_trial_has_no_second(open_state):
    state = open_state()
    tasks = [state.next_task() for _ in range(SIZE)]
    assert len(different(tasks)) == SIZE
    assert state.next_task() is None


@pytest.mark.parametrize(
    ("reason", "again"), [("worker_lost", True), ("hang", True), ("raised", False), ("nan", False)]
)
def test_what_failed_for_no_fault_of_its_own_is_tried_again(open_state, reason, again):
    state = open_state(space="name: one\nkind: {choice: [a]}", num_trials=3)
    finish(state, state.next_task(), TrialState.FAIL, reason)
    assert len(run(state)) == again


def test_initial_points_that_are_the_same_are_tried_once(open_state):
    point = {"model": "C", "width": 0.2}
    state = open_state(points=[point, point, {"model": "C", "width": 0.4}], num_trials=2)
    first, second = run(state)
    assert [first.config["width"], second.config["width"]] == [0.2, 0.4]
    assert len(state.trials()) == 2


def test_initial_points_that_a_resume_adds_are_tried(open_state):
    run(open_state(points=[{"width": 0.2}], num_trials=1))
    again = open_state(points=[{"width": 0.4}, {"width": 0.2}], num_trials=2)
    (task,) = run(again)
    assert task.config["width"] == 0.4


def test_a_space_that_is_used_up_has_what_lost_its_worker_tried_again_at_a_resume(open_state):
    small = "name: two\nkind: {choice: [a, b]}"
    state = open_state(space=small)
    lost, _ = state.next_task(), finish(state, state.next_task())
    assert state.next_task() is None
    finish(state, lost, TrialState.FAIL, "worker_lost")
    (task,) = run(open_state(space=small))
    assert task.config["kind"] == lost.config["kind"]


def test_repeats_are_duplicates_by_intention(open_state):
    state = open_state(num_trials=1)
    (task,) = run(state)
    number = state.draws.add(task.params, REPEAT, task.number)
    assert state.next_task().number == number


def test_a_kill_between_a_duplicate_and_its_end_leaves_no_trial(open_state):
    state = open_state(space="name: one\nkind: {choice: [a]}")
    finish(state, state.next_task())
    trial = state.study.ask()
    trial.suggest_categorical("kind", ['"a"'])
    trial.set_user_attr("role", DUPLICATE)
    again = open_state(space="name: one\nkind: {choice: [a]}")
    assert run(again) == []
    assert again.stopped == "every configuration of the space has been tried"


def test_configurations_within_the_constraints_are_used_up_too(open_state):
    limits = Limits(["flops <= 1"], lambda config: {"flops": 10 * config["width"] if "depth" in config["model"] else 0})
    state = open_state("TPESampler", limits=limits)
    tasks = run(state)
    assert len(tasks) == len(different(tasks)) == 3 + 3
    assert state.stopped == "every configuration of the space has been tried"


class Same(optuna.samplers.RandomSampler):
    """Asks for one thing over and over, as a sampler may that learns from complete trials alone."""

    def sample_independent(self, study, trial, name, distribution):
        return 0.5


def test_a_sampler_that_repeats_itself_does_not_end_the_search_of_an_endless_space(open_state):
    state = open_state(space="name: endless\nwidth: {uniform: [0, 1]}", num_trials=6)
    state.study.sampler = Same(seed=0)
    assert len(different(run(state))) == 6
    assert state.stopped == ""


def test_the_digest_is_of_what_is_trained():
    space = Space.parse("name: a\nseed: 0\ntune: {num_trials: 3}\nlr: {qloguniform: [1e-3, 1e-1, 1e-3]}")
    other = Space.parse("name: b\nseed: 1\nlr: {qloguniform: [1e-3, 1e-1, 1e-3]}")
    one, two = Tried(space, ()), Tried(other, ())
    assert one.digest({"lr": 0.0101}) == one.digest({"lr": 0.0099}) == two.digest({"lr": 0.01})
    assert one.digest({"lr": 0.011}) != one.digest({"lr": 0.01})
