import json
import math

import optuna
import pytest
from optuna.trial import TrialState

from raypose import journal
from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.search_state import SearchState

SPACE = """
name: states
x: {uniform: [0, 1]}
kind: {choice: [{type: A, depth: {choice: [18, 50]}}, {type: B}]}
"""


@pytest.fixture
def open_state(tmp_path):
    def make(**settings):
        (tmp_path / "trials").mkdir(exist_ok=True)
        tune = Tune(**{"metric": "score", "num_trials": 4, **settings})
        state = SearchState(Space.parse(SPACE), tmp_path, tune, seed=3, pruner=optuna.pruners.NopPruner())
        state.study.sampler = optuna.samplers.RandomSampler(seed=len(state.trials()))
        return state

    return make


def run(state, values):
    task = state.next_task()
    for epoch, value in enumerate(values, 1):
        state.report(task.number, epoch, {"score": value})
    return task


def leave_files(state, number, **metrics):
    folder = state.files.path(number)
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("weights.pt", "predictions.json"):
        (folder / name).write_text(f"{name} of {number}")
    (folder / "samples").mkdir()
    (folder / "samples" / "samples.json").write_text(f'{{"of": {number}}}')
    (folder / "config.yaml").write_text("name: states\n")
    (folder / "meta.json").write_text('{"seed": 1}')
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def states(state):
    return [trial.state for trial in state.study.get_trials()]


def test_each_end_is_told_as_it_was(open_state):
    state = open_state()
    state.finish(run(state, [0.1, 0.4, 0.3]).number, TrialState.COMPLETE)
    state.finish(run(state, [0.2]).number, TrialState.PRUNED)
    state.finish(run(state, [0.2]).number, TrialState.FAIL, "raised", "ValueError: no")
    state.finish(run(state, []).number, TrialState.COMPLETE)
    assert states(state) == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.FAIL]
    complete, pruned, failed, silent = state.study.get_trials()
    assert complete.value == 0.4
    assert pruned.value == 0.2
    assert (failed.user_attrs["reason"], failed.user_attrs["detail"]) == ("raised", "ValueError: no")
    assert "without reporting" in silent.user_attrs["detail"]
    assert state.best().number == 0
    assert state.next_task() is None


def test_the_value_is_the_best_epoch_in_the_metrics_mode_and_what_is_not_finite_never_counts(open_state):
    state = open_state(mode="min")
    task = run(state, [3.0, 1.0, math.nan, 2.0, -math.inf])
    state.finish(task.number, TrialState.COMPLETE)
    assert state.best().value == 1.0


def test_an_interrupted_trial_is_handed_out_first_with_its_number_and_configuration(open_state):
    first = open_state()
    done, interrupted = run(first, [0.5]), run(first, [0.1])
    first.finish(done.number, TrialState.COMPLETE)
    again = open_state()
    assert again.remaining == 3
    task = again.next_task()
    assert (task.number, task.config, task.seed) == (interrupted.number, interrupted.config, interrupted.seed)
    again.report(task.number, 1, {"score": 0.9})  # the same epoch, trained again: what is known stays
    again.report(task.number, 2, {"score": 0.3})
    assert again.study.trials[1].intermediate_values == {1: 0.1, 2: 0.3}
    assert again.next_task().number == 2
    assert again.study.trials[0].value == 0.5


def test_a_trial_killed_between_its_number_and_its_values_gets_them_at_the_resume(open_state):
    open_state().study.ask()
    task = open_state().next_task()
    assert task.number == 0
    assert set(task.params) >= {"x", "kind"}


def test_a_finished_search_is_extended(open_state):
    state = open_state(num_trials=1)
    state.finish(run(state, [0.5]).number, TrialState.COMPLETE)
    assert state.remaining == 0
    longer = open_state(num_trials=3)
    assert longer.remaining == 2
    assert [longer.next_task().number, longer.next_task().number] == [1, 2]
    assert longer.next_task() is None


def test_a_task_is_a_configuration_that_runs_again(open_state):
    task = open_state().next_task()
    assert Space.parse(task.text).config() == task.config
    assert task.config["seed"] == task.seed


def test_best_is_published_and_only_the_best_few_keep_their_weights(open_state, tmp_path):
    state = open_state(keep=2)
    for value in (0.2, 0.9, 0.5, 0.1):
        task = run(state, [value])
        leave_files(state, task.number, score=value)
        state.finish(task.number, TrialState.COMPLETE)
    kept = [(state.files.path(n) / "weights.pt").exists() for n in range(4)]
    assert kept == [False, True, True, False]
    assert [(state.files.path(n) / "samples").exists() for n in range(4)] == kept
    assert (tmp_path / "best" / "weights.pt").read_text() == "weights.pt of 1"
    assert json.loads((tmp_path / "best" / "samples" / "samples.json").read_text()) == {"of": 1}
    assert json.loads((tmp_path / "best" / "metrics.json").read_text()) == {"trial": 1, "score": 0.9}
    assert not list((tmp_path / "trials").glob("*/checkpoints"))
    meta = json.loads((state.files.path(2) / "meta.json").read_text())
    assert (meta["state"], meta["value"], meta["seed"]) == ("COMPLETE", 0.5, 1)


def test_what_a_kill_left_is_tidied_at_the_next_start(open_state):
    state = open_state(keep=1)
    for value in (0.9, 0.1):
        task = run(state, [value])
        state.finish(task.number, TrialState.COMPLETE)
        leave_files(state, task.number, score=value)  # as if the process had ended before it tidied
        (state.files.path(task.number) / "meta.json").write_text('{"state": "RUNNING"}')
    again = open_state(keep=1)
    assert [(again.files.path(n) / "weights.pt").exists() for n in (0, 1)] == [True, False]
    assert not list((again.folder / "trials").glob("*/checkpoints"))
    assert json.loads((again.files.path(1) / "meta.json").read_text())["state"] == "COMPLETE"


def test_the_best_model_takes_the_users_modules_along(open_state, tmp_path):
    plugin = tmp_path / "plugins" / "abc" / "mine.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("# mine\n")
    state = open_state()
    task = run(state, [0.5])
    leave_files(state, task.number)
    config = f'plugins: ["{plugin}"]\ndata: "${{NOT_SET}}/x"\n'
    (state.files.path(task.number) / "config.yaml").write_text(config)
    state.finish(task.number, TrialState.COMPLETE)
    moved = tmp_path / "moved"
    (tmp_path / "best").rename(moved)
    plugin.unlink()
    kept = Space.load(moved / "config.yaml", expand=False).config()
    assert kept == {"plugins": ["plugins/abc/mine.py"], "data": "${NOT_SET}/x"}
    assert (moved / "plugins" / "abc" / "mine.py").read_text() == "# mine\n"


def test_a_pruned_trial_never_becomes_best_and_drops_its_weights(open_state, tmp_path):
    state = open_state()
    task = run(state, [0.9])
    leave_files(state, task.number, score=0.9)
    state.finish(task.number, TrialState.PRUNED)
    assert not (tmp_path / "best").exists()
    assert not (state.files.path(0) / "weights.pt").exists()


@pytest.mark.parametrize("lost", range(1, 60, 7))
def test_a_journal_torn_at_any_byte_is_read_appended_and_read_again(open_state, tmp_path, lost):
    state = open_state()
    state.finish(run(state, [0.5]).number, TrialState.COMPLETE)
    run(state, [0.1, 0.2])
    path = tmp_path / journal.FILE_NAME
    path.write_bytes(path.read_bytes()[:-lost])
    torn = open_state()
    assert torn.study.trials[0].value == 0.5
    task = torn.next_task()
    torn.report(task.number, 3, {"score": 0.3})
    torn.finish(task.number, TrialState.COMPLETE)
    again = journal.load_study(tmp_path)
    assert [trial.state for trial in again.trials] == [TrialState.COMPLETE] * 2
    assert again.trials[1].value == 0.3


def test_a_new_trial_begins_in_an_empty_folder(open_state):
    """Another study's trial may have lain there, whose checkpoint and state are not this one's."""
    state = open_state()
    stale = leave_files(state, 0, score=0.9)
    assert state.next_task().number == 0
    assert not stale.exists()
    kept = leave_files(state, 0)
    assert open_state().next_task().number == 0  # interrupted
    assert (kept / "checkpoints").exists()


def test_a_best_model_of_another_study_is_replaced(open_state, tmp_path):
    state = open_state()
    task = run(state, [0.5])
    leave_files(state, task.number, epoch=1, score=0.5)
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "metrics.json").write_text('{"trial": 0, "epoch": 9, "score": 0.7}')
    state.finish(task.number, TrialState.COMPLETE)
    assert json.loads((tmp_path / "best" / "metrics.json").read_text()) == {"trial": 0, "epoch": 1, "score": 0.5}


def test_what_cannot_be_priced_fails_and_five_of_them_end_the_search(tmp_path):
    def price(config):
        raise ValueError("no such layer")

    (tmp_path / "trials").mkdir()
    limits = Limits(["flops <= 1"], price)
    state = SearchState(Space.parse(SPACE), tmp_path, Tune(metric="score", num_trials=9), seed=0, limits=limits)
    assert state.next_task() is None
    assert states(state) == [TrialState.FAIL] * 5
    assert "no such layer" in str(state.over.error)
    assert {trial.user_attrs["reason"] for trial in state.trials()} == {"raised"}
