"""The search's own curves in TensorBoard."""

import optuna
import pytest
from optuna.trial import TrialState
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.search_state import SearchState

SPACE = "{name: states, x: {uniform: [0, 1]}, tune: {metric: AP}}"


@pytest.fixture
def open_state(tmp_path):
    def make(**settings):
        (tmp_path / "trials").mkdir(exist_ok=True)
        tune = Tune(**{"metric": "AP", "num_trials": 9, **settings})
        state = SearchState(Space.parse(SPACE), tmp_path, tune, seed=3, pruner=optuna.pruners.NopPruner())
        state.study.sampler = optuna.samplers.RandomSampler(seed=1)
        return state

    return make


def run(state, value, end=TrialState.COMPLETE, **more):
    task = state.next_task()
    state.report(task.number, 1, {"AP": value, **more})
    if end is not None:
        state.finish(task.number, end)


def curve(folder, tag):
    return [(each.step, round(each.value, 5)) for each in EventAccumulator(str(folder)).Reload().Scalars(tag)]


def test_a_point_whenever_a_trial_ends(open_state, tmp_path):
    state = open_state()
    run(state, 0.9, TrialState.PRUNED)  # its value counts for nothing
    run(state, 0.2)
    run(state, 0.5, TrialState.FAIL)
    run(state, 0.1)
    run(state, 0.4)
    run(state, 0.8, None)
    assert curve(tmp_path, "search/best AP") == [(2, 0.2), (3, 0.2), (4, 0.2), (5, 0.4)]
    assert curve(tmp_path, "search/finished") == [(1, 0), (2, 1), (3, 1), (4, 2), (5, 3)]
    assert curve(tmp_path, "search/pruned")[-1] == (5, 1)
    assert curve(tmp_path, "search/failed")[-1] == (5, 1)
    ends = [trial.datetime_complete.timestamp() for trial in state.trials() if trial.state.is_finished()]
    times = [each.wall_time for each in EventAccumulator(str(tmp_path)).Reload().Scalars("search/finished")]
    assert times == pytest.approx(ends, abs=0.01)


def test_each_objective_has_its_best(open_state, tmp_path):
    state = open_state(metric=["AP", "EPE"], scheduler=None)
    run(state, 0.2, EPE=5.0)
    run(state, 0.1, EPE=3.0)
    assert curve(tmp_path, "search/best AP") == [(1, 0.2), (2, 0.2)]
    assert curve(tmp_path, "search/best EPE") == [(1, 5), (2, 3)]


def test_a_resume_goes_on_and_adds_what_is_missing(open_state, tmp_path):
    state = open_state()
    run(state, 0.2)
    run(state, 0.3)
    open_state()
    assert len(list(tmp_path.glob("*.search"))) == 1  # nothing was missing
    again = open_state()
    run(again, 0.1)
    assert curve(tmp_path, "search/best AP") == [(1, 0.2), (2, 0.3), (3, 0.3)]
    for file in tmp_path.glob("*.search"):  # as after a full disk
        file.unlink()
    run(open_state(), 0.4)
    assert curve(tmp_path, "search/best AP") == [(1, 0.2), (2, 0.3), (3, 0.3), (4, 0.4)]
