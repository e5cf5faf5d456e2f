"""Budgets beside the number of trials: each ends the search in time, says so, and lets a resume go on."""

import json
import time

import pytest
from optuna.trial import TrialState

from raypose import RayPoseError
from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.ending.budget import Budget
from raypose.tuning.plan import Plan
from raypose.tuning.search import tune
from raypose.tuning.search_state import SearchState

SPACE = "name: budgets\nx: {uniform: [0, 1]}"
COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("raypose.tuning.search_state.Budget", lambda *args: Budget(*args, clock=lambda: now[0]))
    monkeypatch.setattr("optuna.storages.journal._file.os.fsync", lambda file: None)
    return now


@pytest.fixture
def open_state(tmp_path, clock):
    def make(**settings):
        (tmp_path / "trials").mkdir(exist_ok=True)
        return SearchState(Space.parse(SPACE), tmp_path, Tune(**{"metric": "AP", "num_trials": 99, **settings}), seed=0)

    return make


def run(state, *values, end=COMPLETE):
    """One trial with these epochs; `end=None` leaves it running."""
    task = state.next_task()
    for epoch, value in enumerate(values, 1):
        last = end is COMPLETE and epoch == len(values)
        state.report(task.number, epoch, {"AP": value, "last_epoch": last})
    if end is not None:
        state.finish(task.number, end)
    return task


def test_time_is_that_of_one_start_and_needs_no_report(open_state, clock):
    state = open_state(time_budget=7200.0)
    run(state, 0.1)
    first, second = run(state, 0.2, end=None), run(state, end=None)
    clock[0] = 7199.0
    assert not state.is_stopping
    assert state.budget.left() == "1:59:59 of 2:00:00"
    clock[0] = 7200.0
    assert state.is_stopping
    assert (state.next_task(), state.remaining) == (None, 0)
    assert state.stopped == "the time budget of 2 h is spent: 1 trial finished, 2 go on with --resume"
    again = open_state(time_budget=7200.0)
    assert [again.next_task().number for _ in range(2)] == [first.number, second.number]
    clock[0] = 14399.0
    assert not again.is_stopping


def test_time_begins_with_the_first_trial(open_state, clock):
    state = open_state(time_budget=60.0)
    clock[0] = 100.0  # what Ray takes to start
    first = run(state, end=None)
    clock[0] = 159.0
    state.budget.began(first.number)
    assert (state.is_stopping, state.budget.seconds) == (False, 59.0)
    clock[0] = 160.0
    assert state.is_stopping


def test_gpu_hours_count_all_trials_of_all_starts(open_state, clock):
    state = open_state(gpu_hours=3.0)
    state.budget.gpus = 0.5
    task = run(state, end=None)
    clock[0] = 3600.0  # half a GPU-hour
    state.report(task.number, 1, {"AP": 0.1})
    again = open_state(gpu_hours=3.0)
    again.budget.gpus = 2.0
    clock[0] += 900
    run(again, end=None)
    run(again, end=None)
    clock[0] += 2250 - 1
    assert not again.is_stopping
    clock[0] += 1
    assert again.is_stopping
    assert again.stopped == "the budget of 3 GPU-hours is spent: 0 trials finished, 2 go on with --resume"


def test_gpu_hours_that_are_spent_start_nothing(open_state, clock):
    state = open_state(gpu_hours=1.0)
    state.budget.gpus = 1.0
    run(state, end=None)
    clock[0] = 4000.0
    state.finish(0, TrialState.FAIL)
    again = open_state(gpu_hours=1.0)
    assert (again.remaining, again.stopped) == (0, "the budget of 1 GPU-hours is spent")
    assert open_state(gpu_hours=2.0).remaining == 98


def test_gpu_hours_need_gpus(open_state):
    with pytest.raises(RayPoseError, match="a budget of GPU-hours needs trials with GPUs"):
        open_state(gpu_hours=1.0).budget.need_gpus()
    open_state().budget.need_gpus()


def test_no_epoch_is_trained_beyond_the_total(open_state):
    state = open_state(total_epochs=5)
    run(state, 0.1, 0.2, end=PRUNED)
    first, second = run(state, 0.1, end=None), run(state, 0.1, end=None)
    state.report(first.number, 2, {"AP": 0.2})
    assert state.is_stopping
    state.report(second.number, 2, {"AP": 0.9})  # on its way when the other one spent the budget
    assert sum(len(trial.intermediate_values) for trial in state.trials()) == 5
    assert state.stopped == "the budget of 5 epochs is spent: 1 trial finished, 2 go on with --resume"
    again = open_state(total_epochs=5)
    assert (again.remaining, again.over.why) == (0, "the budget of 5 epochs is spent")
    assert open_state(total_epochs=6).next_task().number == first.number


def test_a_trial_whose_last_epoch_spends_the_budget_comes_to_its_end(open_state):
    state = open_state(total_epochs=3)
    running = run(state, 0.1, end=None)
    task = state.next_task()
    state.report(task.number, 1, {"AP": 0.1, "last_epoch": False})
    state.report(task.number, 2, {"AP": 0.2, "last_epoch": True})
    assert state.halted
    assert not state.is_stopping
    state.finish(task.number, COMPLETE)
    assert state.is_stopping
    assert [trial.state for trial in state.trials()] == [TrialState.RUNNING, COMPLETE]
    assert state.is_live(running.number)


def test_patience_counts_trials_without_gain_and_lets_what_runs_come_to_its_end(open_state):
    state = open_state(patience=3)
    for values, end in [((0.5,), COMPLETE), ((0.6,), COMPLETE), ((0.9, 0.2), PRUNED), ((0.6,), COMPLETE)]:
        run(state, *values, end=end)
    run(state, 0.9, end=TrialState.FAIL)  # says nothing of what can be gained
    assert state.over is None
    running = run(state, end=None)
    run(state, 0.1)
    assert state.over.why == "no gain in 3 trials: the best is still trial 1"
    assert (state.next_task(), state.is_stopping) == (None, False)
    state.report(running.number, 1, {"AP": 0.3})
    state.finish(running.number, COMPLETE)
    again = open_state(patience=3)
    assert (again.remaining, again.stopped) == (0, "no gain in 3 trials: the best is still trial 1")
    longer = open_state(patience=6)
    assert longer.over is None
    run(longer, 0.7)
    assert longer.budget.gain.since == 0


@pytest.mark.parametrize(("mode", "before", "reaching"), [("max", 0.7, 0.8), ("min", 0.9, 0.8)])
def test_an_epoch_that_reaches_the_target_ends_the_search_and_its_trial_is_kept(open_state, mode, before, reaching):
    state = open_state(target=0.8, mode=mode)
    other = run(state, before, end=None)
    winner = run(state, before, reaching, end=None)
    assert state.stopped.startswith(f"the target AP 0.8 is reached by trial {winner.number}")
    assert (state.next_task(), state.is_stopping, state.remaining) == (None, False, 0)
    assert not state.should_prune(winner.number)
    # Killed here, a resume brings both to their ends, and starts no other.
    again = open_state(target=0.8, mode=mode)
    assert again.remaining == 2
    assert [again.next_task().number for _ in range(2)] == [other.number, winner.number]
    assert again.next_task() is None
    for task in (other, winner):
        again.finish(task.number, COMPLETE)
    assert open_state(target=0.8, mode=mode).remaining == 0
    assert open_state(target=0.99 if mode == "max" else 0.1, mode=mode).remaining == 97


def test_a_target_within_constraints_on_metrics_is_reached_at_the_end_of_a_trial(open_state):
    state = open_state(target=0.8, constraints=["EPE <= 9"])
    state.outcomes.judge = lambda trial, values: trial.set_constraint("EPE <= 9", 1.0 if trial.number == 0 else -1.0)
    run(state, 0.9)
    assert state.over is None
    run(state, 0.85, end=None)
    assert state.over is None
    state.finish(1, COMPLETE)
    assert state.over.why == "the target AP 0.8 is reached by trial 1"
    assert open_state(target=0.8, constraints=["EPE <= 9"]).over.why == state.over.why


def test_with_several_objectives_gain_is_a_place_on_the_front(tmp_path, clock):
    (tmp_path / "trials").mkdir()
    settings = Tune(metric=[{"AP": "max"}, {"EPE": "min"}], patience=2)
    state = SearchState(Space.parse(SPACE), tmp_path, settings, seed=0)
    ended = []
    for ap, epe in [(0.5, 9.0), (0.4, 8.0), (0.3, 9.0), (0.2, 7.0), (0.2, 7.5), (0.1, 8.0)]:
        task = state.next_task()
        state.report(task.number, 1, {"AP": ap, "EPE": epe})
        state.finish(task.number, COMPLETE)
        ended.append(state.stopped)
    assert ended == [""] * 5 + ["no gain in 2 trials"]
    text = "{name: two, x: {uniform: [0, 1]}, tune: {metric: [AP, EPE], target: 0.8}}"
    with pytest.raises(RayPoseError, match=r"'target' is a value of one metric, but 'metric' has 2"):
        Plan.of(Space.parse(text))


def test_a_trial_that_was_stopped_early_has_no_weights_that_reach_a_target(open_state):
    run(open_state(), 0.9, 0.1, end=PRUNED)
    assert open_state(target=0.8).over is None


def test_a_hard_limit_has_the_last_word(open_state, clock):
    state = open_state(target=0.8, time_budget=60.0)
    run(state, 0.9, end=None)
    assert state.over.drain
    clock[0] = 60.0
    assert state.is_stopping
    assert state.stopped.startswith("the time budget of 1 min is spent")


def test_sums_are_kept(open_state):
    state = open_state(patience=10**6, total_epochs=10**6, target=9.0, time_budget=1e6)
    for _ in range(3):
        run(state, 0.1, end=None)
    state.trials = state.draws.trials = lambda *states: pytest.fail("looked at all trials")
    for _ in range(100):
        assert not state.is_stopping


SEARCH = """
name: slow
x: {uniform: [0, 1]}
tune: {metric: score, num_trials: 9, sampler: {type: RandomSampler}, scheduler: null, max_concurrent: 1}
"""


def test_the_time_budget_ends_trials_that_never_report(cluster, tmp_path):
    def silent(config, run):
        import time

        time.sleep(0 if (run.dir.parents[1] / "go").exists() else 60)
        run.report(1, {"score": config["x"]})

    def search(**given):
        return tune(Space.parse(SEARCH), trial=silent, experiments=tmp_path, quiet=True, **given)

    before = time.monotonic()
    result = search(time_budget="1.5s")
    assert time.monotonic() - before < 20
    assert result.stopped == "the time budget of 1.5 s is spent: 0 trials finished, 1 goes on with --resume"
    assert [record.state for record in result.records] == ["RUNNING"]
    assert result.change == ""
    (result.folder / "go").touch()
    again = search(resume=True, num_trials=2)
    assert [record.state for record in again.records] == ["COMPLETE"] * 2
    assert {json.loads(path.read_text())["state"] for path in result.folder.glob("trials/*/meta.json")} == {"COMPLETE"}
