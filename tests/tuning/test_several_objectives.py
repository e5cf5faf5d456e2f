"""Several objectives, and constraints on what trials reach: the study, the front's files, a resume; no Ray."""

import json
import math

import optuna
import pytest
from optuna.trial import TrialState

from raypose import RayPoseError
from raypose.config import Tune
from raypose.reporting.pareto import front
from raypose.reporting.records import load_records, winner
from raypose.space import Space
from raypose.tuning.drawing.limits import Limits, static
from raypose.tuning.outcomes import MOST, Outcomes
from raypose.tuning.sampling.samplers import build_sampler
from raypose.tuning.search_state import SearchState

SPACE = "name: several\nx: {uniform: [0, 1]}\n"
METRIC = [{"AP": "max"}, {"flops": "min"}]


@pytest.fixture
def open_state(tmp_path, monkeypatch):
    monkeypatch.setattr("optuna.storages.journal._file.os.fsync", lambda file: None)  # the disk is not what is tested

    def make(*constraints, limits=None, sampler="RandomSampler", **settings):
        (tmp_path / "trials").mkdir(exist_ok=True)
        settings = {"metric": METRIC, "num_trials": 9, "constraints": list(constraints), **settings}
        state = SearchState(Space.parse(SPACE), tmp_path, Tune(**settings), seed=0, limits=limits)
        state.study.sampler = build_sampler({"type": sampler}, len(state.trials()))
        return state

    return make


def run(state, ap, flops, end=TrialState.COMPLETE, **metrics):
    """A trial of two epochs, the second of which is the better one, and its files."""
    task = state.next_task()
    folder = state.files.path(task.number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.pt").write_text(f"weights of {task.number}")
    (folder / "config.yaml").write_text("name: several\n")
    (folder / "metrics.json").write_text(json.dumps({"AP": ap}))
    with open(folder / "metrics.jsonl", "a") as file:
        for epoch, value in ((1, ap / 2), (2, ap)):
            row = {"AP": value, "flops": flops, **metrics}
            file.write(json.dumps({"epoch": epoch, **row}) + "\n")
            state.report(task.number, epoch, row)
    state.finish(task.number, end)
    return task.number


def models(folder):
    return {each.name: (each / "weights.pt").read_text() for each in (folder / "pareto").iterdir()}


def test_the_front_has_a_model_folder_each_point_and_loses_those_that_are_dominated(open_state, tmp_path):
    state = open_state(keep=1)
    run(state, 0.5, 2e9)
    run(state, 0.4, 1e9)
    assert models(tmp_path) == {"0000": "weights of 0", "0001": "weights of 1"}
    run(state, 0.9, 1e8, TrialState.PRUNED)
    run(state, 0.3, 3e9)
    assert state.standing.front.numbers == [0, 1]
    run(state, 0.5, 1e9)  # dominates both
    assert state.standing.front.numbers == [4]
    assert models(tmp_path) == {"0004": "weights of 4"}
    run(state, 0.2, 1e7)
    points = json.loads((tmp_path / "pareto.json").read_text())
    assert [(each["trial"], each["values"]) for each in points] == [
        (4, {"AP": 0.5, "flops": 1e9}),
        (5, {"AP": 0.2, "flops": 1e7}),
    ]
    assert points[0]["params"] == state.trials()[4].params
    assert (tmp_path / "best" / "weights.pt").read_text() == "weights of 4"
    kept = [number for number in range(6) if (state.files.path(number) / "weights.pt").exists()]
    assert kept == [4, 5]  # beyond `keep`, the front
    assert not list((tmp_path / "pareto").glob(".*"))
    records, _ = load_records(tmp_path)
    assert [each.number for each in front(records, state.goals)] == state.standing.front.numbers
    assert open_state(keep=1).standing.front.numbers == [4, 5]


def test_of_equal_values_in_the_first_objective_the_best_is_on_the_front(open_state, tmp_path):
    state = open_state()
    run(state, 0.5, 2e9)
    run(state, 0.5, 1e9)
    records, _ = load_records(tmp_path)
    assert state.best().number == winner(records).number == state.standing.front.numbers[0] == 1
    assert (tmp_path / "best" / "weights.pt").read_text() == "weights of 1"


def test_an_interrupted_trial_keeps_its_epochs_and_its_judgement(open_state, tmp_path):
    state = open_state("AP >= 0.6", "flops <= 5e9", limits=Limits(["flops <= 5e9"], lambda config: {"flops": 1e9}))
    done = run(state, 0.7, 1e9)
    task = state.next_task()
    state.report(task.number, 1, {"AP": 0.9, "flops": 1e9})
    state._live[task.number].set_constraint("AP >= 0.6", 0.5)  # as if killed while it was told
    again = open_state(
        "AP >= 0.6", "flops <= 5e9", limits=Limits(["flops <= 5e9"], lambda config: pytest.fail("priced"))
    )
    assert again.next_task().number == task.number  # what a trial reached refuses no draw
    again.report(task.number, 1, {"AP": 0.1, "flops": 1e9})
    again.report(task.number, 2, {"AP": 0.2, "flops": 1e9})
    assert again.trials()[task.number].user_attrs["epoch 1"] == [0.9, 1e9]
    again.finish(task.number, TrialState.COMPLETE)
    assert again.trials()[task.number].values == [0.9, 1e9]
    assert again.standing.front.numbers == [done]


def test_a_broken_outcome_is_told_before_the_end_and_never_wins(open_state, tmp_path):
    state = open_state("AP >= 0.6", "latency <= 10", "AP / flops >= 1e-10", keep=2)
    first = run(state, 0.5, 1e9, latency=12.0)
    assert state.best() is None
    assert not (tmp_path / "best").exists()
    assert not (tmp_path / "pareto").exists()
    assert json.loads((tmp_path / "pareto.json").read_text()) == []
    trial = state.trials()[first]
    assert trial.state == TrialState.COMPLETE
    assert trial.constraints == pytest.approx({"AP >= 0.6": 1 / 6, "latency <= 10": 0.2, "AP / flops >= 1e-10": -4.0})
    assert trial.user_attrs["outcomes"] == {"AP": 0.5, "latency": 12.0, "flops": 1e9}
    good = run(state, 0.6, 2e9, latency=8.0)
    silent = run(state, 0.99, 1e9)
    stopped = run(state, 0.1, 1e9, TrialState.PRUNED, latency=99.0)
    assert state.best().number == good
    assert state.standing.front.numbers == [good]
    assert state.trials()[silent].constraints["latency <= 10"] == MOST
    assert state.trials()[stopped].constraints == {}  # nobody knows what it would have reached
    records, _ = load_records(tmp_path)
    assert [each.number for each in records] == [good, first, silent, stopped]
    assert records[1].breaks.keys() == {"AP >= 0.6", "latency <= 10"}
    assert [n for n in range(4) if (state.files.path(n) / "weights.pt").exists()] == [first, good]


def test_one_objective_may_have_outcomes_too(open_state, tmp_path):
    state = open_state("EPE <= 5", metric="AP")
    fast = run(state, 0.9, 1e9, EPE=7.0)
    good = run(state, 0.4, 1e9, EPE=4.0)
    assert (state.best().number, state.standing.front.numbers) == (good, [])
    assert state.trials()[fast].value == 0.9
    assert not (tmp_path / "pareto.json").exists()


@pytest.mark.parametrize("sampler", ["TPESampler", "NSGAIISampler"])
def test_samplers_learn_from_outcomes(open_state, sampler):
    state = open_state("AP >= 0.6", num_trials=40, sampler=sampler)
    reached = []
    while (task := state.next_task()) is not None:
        x = task.config["x"]
        state.report(task.number, 1, {"AP": x, "flops": x})
        state.finish(task.number, TrialState.PRUNED if task.number == 3 else TrialState.COMPLETE)
        reached.append(x >= 0.6)
    assert len(reached) == 40
    if sampler == "TPESampler":
        assert sum(reached[20:]) > sum(reached[:20])


def test_the_epoch_of_a_trial_is_its_best_in_what_training_changes(open_state):
    state = open_state(metric=[{"flops": "min"}, {"AP": "max"}])
    number = run(state, 0.8, 1e9)
    assert state.trials()[number].values == [1e9, 0.8]


def test_static_constraints_are_told_from_outcomes():
    texts = ["flops <= 2e9", "AP >= 0.6", "AP / flops > 1", "PCK@0.2 > 0.5", "latency <= 15", "flop <="]
    assert static(texts) == ["flops <= 2e9", "flop <="]
    assert Outcomes(texts[:5]).names == ("AP", "flops", "PCK@0.2", "latency")
    with pytest.raises(RayPoseError, match="its end"):
        Outcomes(texts)


def test_a_metric_that_was_nan_breaks_its_constraint():
    study = optuna.create_study()
    trial = study.ask()
    Outcomes(["EPE < 3"]).judge(trial, {"EPE": None})
    assert trial.constraints == {"EPE < 3": MOST}
    assert math.isfinite(MOST)
