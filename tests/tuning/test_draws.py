"""Draws that break a constraint are never trained, and the sampler learns from them; initial points come first."""

import json

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from raypose import RayPoseError
from raypose.config import Tune
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.outcomes import breaks
from raypose.reporting.records import load_records
from raypose.reporting.roles import is_trial
from raypose.space import Space, from_trial
from raypose.tuning.drawing.draws import Draws
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.sampling.samplers import build_sampler
from raypose.tuning.search_state import SearchState

SPACE = """
name: constrained
model:
  backbone:
    choice:
      - {type: Wide, width: {randint: [8, 65]}, depth: {randint: [8, 40]}}
      - {type: Deep, width: {randint: [8, 65]}, depth: {choice: [18, 34, 50, 101]}}
lr: {loguniform: [1e-4, 1e-1]}
momentum: {quniform: [0, 0.9, 0.3]}
decay: {qloguniform: [1e-3, 1e-1, 1e-3]}
"""
HALF = 34_800  # flops, which half of the space has more of


def price(config):
    backbone = config["model"]["backbone"]
    width, depth = backbone["width"], backbone["depth"]
    return {"params": 10 * depth * width, "flops": depth * width**2, "memory": 8 * depth * width}


@pytest.fixture
def open_state(tmp_path, monkeypatch):
    monkeypatch.setattr("optuna.storages.journal._file.os.fsync", lambda file: None)  # the disk is not what is tested

    def make(*constraints, sampler="RandomSampler", price=price, points=(), **settings):
        (tmp_path / "trials").mkdir(exist_ok=True)
        tune = Tune(**{"metric": "score", "num_trials": 4, **settings})
        limits = Limits(constraints, price)
        state = SearchState(Space.parse(SPACE), tmp_path, tune, seed=0, limits=limits, initial_points=points)
        state.study.sampler = build_sampler({"type": sampler}, len(state.trials()))
        return state

    return make


def run(state, count=100):
    """Run what remains, `count` trials at most."""
    tasks = []
    while len(tasks) < count and (task := state.next_task()) is not None:
        state.report(task.number, 1, {"score": 0.5})
        state.finish(task.number, TrialState.COMPLETE)
        tasks.append(task)
    return tasks


def test_what_breaks_a_constraint_is_told_but_no_trial(open_state, tmp_path):
    state = open_state(f"flops <= {HALF}", "params < 20000")
    tasks = run(state)
    assert len(tasks) == 4
    assert all(price(task.config)["flops"] <= HALF and price(task.config)["params"] < 20000 for task in tasks)
    refused = [trial for trial in state.trials() if trial.number not in {task.number for task in tasks}]
    assert refused
    for trial in state.trials():
        assert trial.constraints.keys() == {f"flops <= {HALF}", "params < 20000"}
        assert trial.constraints[f"flops <= {HALF}"] == pytest.approx(trial.user_attrs["flops"] / HALF - 1)
        assert is_trial(trial) == (trial not in refused)
    for trial in refused:
        assert (trial.state, trial.intermediate_values) == (TrialState.PRUNED, {})
    assert {task.meta["cost"]["flops"] for task in tasks} == {price(task.config)["flops"] for task in tasks}
    records, infeasible = load_records(tmp_path)
    assert sorted(record.number for record in records) == [task.number for task in tasks]
    assert infeasible.draws == len(refused)
    assert infeasible == Infeasible.count(refused)


def test_nothing_is_priced_without_constraints(open_state):
    state = open_state(price=lambda config: pytest.fail("priced"))
    (task,) = run(state, 1)
    assert "cost" not in task.meta
    assert state.trials()[0].user_attrs.keys() == {"configuration"}


def test_a_resume_goes_on_without_counting_what_broke_a_constraint(open_state):
    state = open_state(f"flops <= {HALF}")
    run(state, 2)
    interrupted = state.next_task()
    drawn = len(state.trials())
    assert drawn > 3
    again = open_state(f"flops <= {HALF}", price=lambda config: pytest.fail("priced again"))
    assert again.remaining == 2
    task = again.next_task()
    assert (task.number, task.config, task.cost) == (interrupted.number, interrupted.config, interrupted.cost)
    longer = open_state(f"flops <= {HALF}", num_trials=6)
    assert len(run(longer)) == 4
    assert sum(map(is_trial, longer.trials())) == 6


def test_a_kill_between_a_draw_and_its_end_leaves_no_trial(open_state):
    state = open_state(f"flops <= {HALF}")
    points = [
        {"model.backbone": "Wide", "model.backbone.Wide.width": 64, "model.backbone.Wide.depth": depth}
        for depth in (38, 39)
    ]
    state.draws.enqueue(points)
    for constraint in ([], [f"flops <= {HALF}"]):  # killed before and after it was told
        trial = state.study.ask()
        state.space.sample(lambda dimension, trial=trial: state_value(trial, dimension))
        for text in constraint:
            trial.set_constraint(text, 1.0)
    tasks = run(open_state(f"flops <= {HALF}"))
    assert len(tasks) == 4
    assert {trial.state for trial in state.trials()} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert not {0, 1} & {task.number for task in tasks}


def state_value(trial, dimension):
    from raypose.space import from_trial

    return from_trial(trial)(dimension)


def test_what_cannot_be_priced_is_a_failed_trial(open_state):
    def broken_price(config):
        raise RayPoseError("the head needs two feature maps")

    state = open_state("flops <= 1", price=broken_price)
    assert state.next_task() is None
    assert [trial.state for trial in state.trials()] == [TrialState.FAIL] * 4
    assert state.trials()[0].user_attrs == {
        "reason": "raised",
        "detail": "RayPoseError: the head needs two feature maps",
    }


def test_every_mistake_in_the_constraints_at_once_and_no_model():
    with pytest.raises(RayPoseError) as error:
        Limits(["flop <= 1", "params == 1"])
    assert len(error.value.problems) == 2
    with pytest.raises(RayPoseError, match="the cost of a pose model, but there is no data and no optimizer"):
        Limits.of(Space.parse("model: {type: A}"), ["flops <= 1"])


WIDTHS = "model: {backbone: {width: {randint: [1, 9]}, depth: 1}}\nkind: {choice: [a, b]}"


def draws(sampler, *constraints, num_trials=30, space=WIDTHS, seed=0):
    sampler = build_sampler({"type": sampler} if isinstance(sampler, str) else sampler, seed)
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage, direction="maximize", sampler=sampler)
    return Draws(study, storage, Space.parse(space), num_trials, Limits(constraints, price))


def drain(draws, value, most=1000):
    """Run trials until there are none or `most` draws; gives their configurations."""
    configs = []
    while len(draws.trials()) < most and (trial := draws.next()) is not None:
        config = draws.space.sample(from_trial(trial))
        configs.append(config)
        trial.report(value(config), 1)
        draws.tell(trial, TrialState.COMPLETE, [value(config)])
    return configs


def test_a_constraint_that_cannot_be_met_ends_the_search_after_200_draws():
    found = draws("RandomSampler", "flops < 1", "memory <= 40", num_trials=4)
    with pytest.raises(RayPoseError) as error:
        found.next()
    assert error.value.exit_status == 1
    memory = sum(trial.user_attrs["memory"] > 40 for trial in found.trials())
    assert str(error.value) == (
        "no configuration within tune.constraints was found in 200 draws in a row: 'flops < 1' was broken by all of them, "
        f"the nearest has flops 1; 'memory <= 40' was broken by {memory} of them, the nearest has memory 8; "
        "relax what cannot be met, or give the space other options"
    )
    assert (len(found.trials()), found.remaining) == (200, 4)


GRID = {"type": "GridSampler", "search_space": {"model.backbone.width": [1, 8], "kind": ['"a"', '"b"']}}


@pytest.mark.parametrize(("sampler", "size"), [("BruteForceSampler", 8), (GRID, 2)])
def test_exhaustive_samplers_end_the_search_when_they_are_through(sampler, size):
    found = draws(sampler, "flops <= 16", num_trials=99)
    assert len(drain(found, lambda config: 1.0)) == size
    assert found.next() is None
    with pytest.raises(RayPoseError, match="'flops < 1' was broken by all of them, the nearest has flops 1"):
        drain(draws(sampler, "flops < 1", num_trials=99), lambda config: 1.0)


class Stubborn(optuna.samplers.RandomSampler):
    """Like GPSampler, which learns from complete trials alone, it asks again for what breaks the constraint."""

    def sample_independent(self, study, trial, name, distribution):
        return 8 if name.endswith("width") else super().sample_independent(study, trial, name, distribution)


def test_a_sampler_that_repeats_itself_does_not_end_the_search():
    found = draws("RandomSampler", "flops <= 16", num_trials=8)
    found.study.sampler = Stubborn(seed=0)
    configs = drain(found, lambda config: 1.0)
    assert len(configs) == 8
    assert all(config["model"]["backbone"]["width"] <= 4 for config in configs)
    assert isinstance(found.study.sampler, Stubborn)


def test_the_share_of_infeasible_draws_falls():
    shares = []
    for seed in range(6):
        found = draws("TPESampler", f"flops <= {HALF}", num_trials=60, space=SPACE, seed=seed)
        drain(found, lambda config: -abs(np.log10(config["lr"]) + 2.5), most=60)
        infeasible = [bool(breaks(trial)) for trial in found.trials()[:60]]
        shares.append([np.mean(infeasible[start : start + 20]) for start in (0, 20, 40)])
    first, middle, last = np.mean(shares, axis=0)
    assert middle < 0.6 * first
    assert last < 0.6 * first


POINTS = [
    {"model.backbone": "Deep", "model.backbone.Deep.depth": 50, "lr": 0.01, "momentum": 0.6, "decay": 0.047},
    {"model.backbone": "Wide", "model.backbone.Wide.width": 64, "model.backbone.Wide.depth": 39},
    {"momentum": 0.9},
]


def test_initial_points_come_first_in_their_order_and_the_rest_is_sampled(open_state):
    state = open_state(points=POINTS, num_trials=2)
    assert state.remaining == 2
    first, second = run(state)
    assert first.config["model"]["backbone"].keys() == {"type", "width", "depth"}
    assert first.config["model"]["backbone"]["depth"] == 50
    assert [first.config[key] for key in ("lr", "momentum", "decay")] == [0.01, 0.6, 0.047]
    assert second.config["model"]["backbone"] == {"type": "Wide", "width": 64, "depth": 39}
    assert 1e-4 <= second.config["lr"] <= 1e-1
    longer = open_state(points=POINTS, num_trials=5)  # the one that was still waiting, then new ones
    assert longer.remaining == 3
    third, *others = run(longer)
    assert (third.number, third.config["momentum"]) == (2, 0.9)
    assert [task.number for task in others] == [3, 4]
    assert len(load_records(state.folder)[0]) == 5


def test_an_initial_point_that_breaks_a_constraint_is_not_tried(open_state):
    state = open_state(f"flops <= {HALF}", points=POINTS[1:2])
    tasks = run(state)
    assert len(tasks) == 4
    assert list(breaks(state.trials()[0])) == [f"flops <= {HALF}"]


@pytest.mark.parametrize("sampler", ["TPESampler", "BruteForceSampler"])
def test_initial_points_go_with_samplers(sampler):
    found = draws(sampler, num_trials=5)
    found.enqueue([{"model.backbone.width": 7, "kind": "b"}, {"kind": "a"}])
    first, second, *_ = drain(found, lambda config: 1.0)
    assert first == {"model": {"backbone": {"width": 7, "depth": 1}}, "kind": "b"}
    assert second["kind"] == "a"
    assert json.dumps(found.trials()[0].params) == '{"model.backbone.width": 7, "kind": "\\"b\\""}'
