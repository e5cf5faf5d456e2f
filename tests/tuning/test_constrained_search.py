"""Constraints and initial points in a whole search: real Ray, scripted trials."""

import json

import optuna
import pytest
from optuna.trial import TrialState

from raypose import RayPoseError, journal
from raypose.config import Tune
from raypose.reporting.records import load_records
from raypose.space import Space
from raypose.tuning.drawing import limits
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.search import tune
from raypose.tuning.search_state import SearchState

pytestmark = pytest.mark.usefixtures("cluster")

SPACE = """
name: constrained
data: {{}}
optimizer: {{}}
model: {{width: {{randint: [1, 41]}}}}
x: {{uniform: [0, 1]}}
tune:
  metric: score
  num_trials: {trials}
  sampler: {{type: {sampler}}}
  scheduler: null
  max_concurrent: 2
  constraints: ["flops <= {most}"]
  initial_points: [{{model.width: 40}}, {{model: {{width: 7}}, x: 0.25}}]
"""


@pytest.fixture(autouse=True)
def prices(monkeypatch):
    """The width in units of 100 M multiply-adds, in place of a model; and no waiting for the disk."""
    monkeypatch.setattr("optuna.storages.journal._file.os.fsync", lambda file: None)
    monkeypatch.setattr(limits, "model_price", lambda names: lambda config: {"flops": config["model"]["width"] * 1e8})


def search(folder, most="2e9", trials=5, sampler="RandomSampler", **options):
    def trial(config, run):
        run.report(1, {"score": config["x"]})

    space = Space.parse(SPACE.format(most=most, trials=trials, sampler=sampler))
    return tune(space, trial=trial, experiments=folder, quiet=True, **options)


def test_it_ends_with_as_many_trials_as_asked_for(tmp_path):
    result = search(tmp_path)
    assert [record.state for record in result.records] == ["COMPLETE"] * 5
    assert all(record.params["model.width"] <= 20 for record in result.records)
    assert {record.number for record in result.records} >= {1}
    first = next(record for record in result.records if record.number == 1)
    assert first.params == {"model.width": 7, "x": 0.25}
    assert result.infeasible.constraints == {"flops <= 2e9": result.infeasible.draws}
    assert result.infeasible.draws >= 1  # the first initial point
    assert len(list((result.folder / "trials").iterdir())) == 5
    assert json.loads((result.folder / "trials" / "0001" / "meta.json").read_text())["cost"] == {"flops": 7e8}


def test_a_search_without_a_feasible_configuration_ends_with_one_message(tmp_path):
    with pytest.raises(
        RayPoseError, match="'flops <= 1e7' was broken by all of them, the nearest has flops 1e"
    ) as error:
        search(tmp_path, most="1e7")
    assert error.value.exit_status == 1
    records, infeasible = load_records(tmp_path / "constrained")
    assert (records, infeasible.draws) == ([], 200)
    assert all(trial.state == TrialState.PRUNED for trial in journal.load_study(tmp_path / "constrained").trials)


def test_what_runs_when_no_more_is_found_comes_to_its_end(tmp_path):
    from raypose.tuning.searcher import Searcher, StudySearcher

    (tmp_path / "trials").mkdir()
    space = Space.parse(SPACE.format(most="2e9", trials=5, sampler="RandomSampler"))
    costs = iter([1.0] + [2.5e9] * 200)
    state = SearchState(
        space,
        tmp_path,
        Tune(metric="score"),
        seed=0,
        limits=Limits(["flops <= 2e9"], lambda config: {"flops": next(costs)}),
    )
    state.study.sampler = optuna.samplers.RandomSampler(seed=0)
    searcher = StudySearcher(state)
    task = searcher.suggest("first")["task"]
    assert searcher.suggest("second") == Searcher.FINISHED
    assert "the nearest has flops 2.5e+09" in state.over.why
    state.report(task.number, 1, {"score": 0.5})
    state.finish(task.number, TrialState.COMPLETE)
    assert state.best().number == task.number


def test_wrong_constraints_and_points_start_nothing(tmp_path):
    with pytest.raises(RayPoseError, match="'flops <= ': it needs a number or one of params, flops, memory at its end"):
        tune(Space.parse("name: a\ntune: {constraints: ['flops <= ']}"), trial=print, experiments=tmp_path)
    with pytest.raises(RayPoseError, match="no model and no data and no optimizer"):
        tune(Space.parse("name: a\ntune: {constraints: [flops <= 1]}"), trial=print, experiments=tmp_path)
    with pytest.raises(RayPoseError, match="GridSampler tries its own grid"):
        search(tmp_path, sampler="GridSampler, search_space: {x: [0.5]}")
    with pytest.raises(RayPoseError, match="unknown key 'y'"):
        tune(Space.parse("name: a\ntune: {initial_points: [{y: 1}]}"), trial=print, experiments=tmp_path)
    assert not list(tmp_path.iterdir())
