"""Finished trials of other experiments of the same space are taken over: learnt from, but no trials here."""

import optuna
import pytest
from optuna.trial import TrialState

from raypose import RayPoseError, journal
from raypose.config import Tune
from raypose.files import write_text
from raypose.reporting.asides import asides
from raypose.reporting.records import load_records
from raypose.reporting.roles import DUPLICATE, IMPORTED, OF, role
from raypose.space import Space
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.drawing.warm_start import sources, take_over
from raypose.tuning.search import tune
from raypose.tuning.search_state import SearchState

SPACE = """
name: {name}
seed: 3
model: {{choice: [{{type: A, depth: {{choice: {depths}}}}}, {{type: B}}]}}
lr: {{loguniform: [1e-4, {high}]}}
"""


@pytest.fixture
def open_state(tmp_path, monkeypatch):
    monkeypatch.setattr("optuna.storages.journal._file.os.fsync", lambda file: None)

    def make(name, depths="[18, 50]", high="1e-2", limits=None, plugins=None, pruner=None, **settings):
        (folder := tmp_path / name / "trials").mkdir(parents=True, exist_ok=True)
        space = Space.parse(SPACE.format(name=name, depths=depths, high=high), file=f"{name}.yaml")
        write_text(folder.parent / "space.yaml", space.text)
        tune = Tune(**{"metric": "AP", "num_trials": 9, **settings})
        state = SearchState(space, folder.parent, tune, seed=0, limits=limits, plugins=plugins, pruner=pruner)
        state.study.sampler = optuna.samplers.RandomSampler(seed=len(name) + len(state.trials()))
        return state

    return make


def run(state, *values, end=TrialState.COMPLETE):
    task = state.next_task()
    for epoch, value in enumerate(values, 1):
        metrics = value if isinstance(value, dict) else {"AP": value}
        state.report(task.number, epoch, metrics)
        state.should_prune(task.number)
    if end is not None:
        state.finish(task.number, end)
    return task


def first(open_state, **given):
    """An experiment with one trial of each end."""
    state = open_state("first", **given)
    run(state, 0.2, 0.6, 0.5)
    run(state, 0.3, end=TrialState.PRUNED)
    run(state, 0.9, end=TrialState.FAIL)
    run(state, 0.9, end=None)
    return state


def warm(state, *others):
    found = sources([other.folder for other in others], state.space, state.goals, state.plugins)
    return take_over(state, found)


def test_finished_trials_are_learnt_from_and_are_no_trials(open_state, tmp_path):
    other, state = first(open_state), open_state("second", patience=1, total_epochs=50, target=0.5)
    assert warm(state, other) == 2
    complete, pruned = state.trials()
    assert [trial.state for trial in state.trials()] == [TrialState.COMPLETE, TrialState.PRUNED]
    assert (complete.values, complete.intermediate_values) == ([0.6], {1: 0.2, 2: 0.6, 3: 0.5})
    assert (complete.params, complete.distributions) == (other.trials()[0].params, other.trials()[0].distributions)
    assert pruned.intermediate_values == {1: 0.3}
    assert [trial.user_attrs[OF] for trial in state.trials()] == ["first/0", "first/1"]
    assert (state.remaining, state.best(), state.over, state.budget.epochs) == (9, None, None, 0)
    assert asides(state.trials(), state.goals) == ["2 trials taken over from first, the best with AP 0.6"]
    run(state, 0.1)
    assert [record.number for record in load_records(tmp_path / "second")[0]] == [2]
    assert state.best().number == 2


def test_a_resume_takes_nothing_over_twice_but_what_is_new(open_state):
    other, state = first(open_state), open_state("second")
    warm(state, other)
    again = open_state("second", patience=1)
    assert (warm(again, other), again.budget.epochs) == (0, 0)
    assert again.over is None
    run(other, 0.7)
    assert warm(again, other) == 1
    assert len(again.trials()) == 3


def test_what_was_taken_over_is_handed_on_once(open_state):
    other, middle, last = first(open_state), open_state("second"), open_state("third")
    warm(middle, other)
    run(middle, 0.8)
    assert warm(last, other, middle) == 3
    assert {trial.user_attrs[OF] for trial in last.trials()} == {"first/0", "first/1", "second/2"}


def test_what_came_to_its_end_elsewhere_is_not_trained_again(open_state):
    other, state = first(open_state), open_state("second")
    warm(state, other)
    complete, pruned = (trial.params for trial in state.trials())
    for params in (complete, pruned):
        state.study.enqueue_trial(params)
    task = run(state, 0.4)
    assert task.params == pruned
    assert (role(state.trials()[2]), state.trials()[2].user_attrs[OF]) == (DUPLICATE, 0)


def test_constraints_here_are_held_against_what_is_taken_over(open_state):
    limits = Limits(["flops <= 1"], lambda config: {"flops": 2.0})
    other, state = first(open_state), open_state("second", limits=limits, constraints=["flops <= 1"])
    warm(state, other)
    assert [trial.constraints for trial in state.trials()] == [{"flops <= 1": 1.0}] * 2
    assert asides(state.trials(), state.goals) == ["2 trials taken over from first"]


def test_where_halving_pruners_were_is_taken_over_with_the_same_scheduler(open_state):
    other = first(open_state, pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2))
    state, changed = open_state("second"), open_state("third", scheduler=None)
    for each in (state, changed):
        warm(each, other)
    assert state.trials()[0].system_attrs == {"completed_rung_0": 0.2, "completed_rung_1": 0.6}
    assert changed.trials()[0].system_attrs == {}


def test_several_objectives_are_taken_over(open_state):
    goals = {"metric": [{"AP": "max"}, {"flops": "min"}]}
    other, state = open_state("first", **goals), open_state("second", **goals)
    run(other, {"AP": 0.2, "flops": 9.0}, {"AP": 0.3, "flops": 9.0})
    warm(state, other)
    (trial,) = state.trials()
    assert (trial.values, trial.user_attrs["epoch 1"]) == ([0.3, 9.0], [0.2, 9.0])


def test_another_space_is_refused_with_all_that_differs(open_state):
    other = first(open_state)
    state = open_state("second", depths="[18, 50, 101]", high="1e-1", metric="PCK")
    with pytest.raises(RayPoseError) as error:
        warm(state, other)
    metric, depth, rate = error.value.problems
    assert f"tune.metric is PCK (max) here, but AP (max) in {other.folder}" in str(metric)
    assert str(depth).startswith("second.yaml:4:")
    assert "'model.A.depth' is" in depth.message
    assert "'lr' is" in rate.message
    assert "[0.0001,0.1]" in rate.message
    assert state.trials() == []


def test_another_module_of_the_users_is_refused(open_state, tmp_path):
    other = first(open_state)
    for folder in ("aaa", "bbb"):
        (module := other.folder / "plugins" / folder / f"{folder}.py").parent.mkdir(parents=True)
        write_text(module, "raise SystemExit('it ran')")
    same = {str(tmp_path / "second" / "plugins" / "aaa" / "aaa.py"): "own/aaa.py"}
    assert warm(open_state("second", plugins=same), other) == 2
    changed = {
        str(tmp_path / "second" / "plugins" / "ccc" / "bbb.py"): "own/bbb.py",
        "package.module": "package.module",
    }
    with pytest.raises(RayPoseError, match=r"'own/bbb.py' is not what .*first ran with"):
        warm(open_state("third", plugins=changed), other)


def test_a_folder_that_is_no_experiment_is_refused(open_state, tmp_path):
    with pytest.raises(RayPoseError, match="is not an experiment"):
        sources([tmp_path / "nowhere"], open_state("second").space, open_state("second").goals, {})


SEARCH = """
name: {name}
x: {{quniform: [0, 1, 0.125]}}
tune:
  metric: score
  num_trials: 3
  sampler: {{type: TPESampler, n_startup_trials: 4}}
  scheduler: null
  max_concurrent: 1
"""


def test_a_search_goes_on_from_another_ones_trials(cluster, tmp_path):
    def trial(config, run):
        run.report(1, {"score": -abs(config["x"] - 0.5)})

    def search(name, *others):
        space = Space.parse(SEARCH.format(name=name))
        return tune(space, trial=trial, experiments=tmp_path, quiet=True, warm_start=others)

    with pytest.raises(RayPoseError, match="is not an experiment"):
        search("second", tmp_path / "first")  # and leaves none behind
    (tmp_path / "first" / "trials").mkdir(parents=True)
    space = Space.parse(SEARCH.format(name="first"))
    write_text(tmp_path / "first" / "space.yaml", space.text)
    state = SearchState(space, tmp_path / "first", Tune(metric="score", num_trials=4), seed=0)
    for _ in range(4):
        run(state, {"score": 0.1})
    result = search("second", tmp_path / "first")
    assert [record.state for record in result.records] == ["COMPLETE"] * 3
    trials = journal.load_study(result.folder).trials
    assert sum(role(trial) == IMPORTED for trial in trials) == 4
    tried = [trial.params["x"] for trial in trials if role(trial) != DUPLICATE]
    assert len(set(tried)) == len(tried) == 7
    assert "4 trials taken over from first, the best with score 0.1" in result.asides
    with pytest.raises(RayPoseError, match="needs another experiment"):
        tune(Space.parse(SEARCH.format(name="first")), trial=trial, experiments=tmp_path, quiet=True, resume=True,
             warm_start=[tmp_path / "first"])  # fmt: skip


def test_what_a_scheduler_changed_into_another_branch_is_taken_over_as_it_was_trained(open_state):
    other, state, last = (open_state(name) for name in ("first", "second", "third"))
    changed = {"model": "A", "model.A.depth": "50", "lr": 0.002}
    for values in (changed, {"model": "B", "lr": 0.001}):
        other.study.enqueue_trial({"model": "B", "lr": 0.003})
        task = other.next_task()
        other.note(task.number, changed=values)
        other.report(task.number, 1, {"AP": 0.4})
        other.finish(task.number, TrialState.COMPLETE)
    assert warm(state, other) == 2
    assert [trial.params for trial in state.trials()] == [changed, {"model": "B", "lr": 0.001}]
    state.study.enqueue_trial(changed)
    assert run(state, 0.5).params == changed  # none was trained with these values from its first epoch on
    assert warm(last, state) == 3
    assert [trial.user_attrs.get("changed") for trial in last.trials()] == [
        *(t.params for t in state.trials()[:2]),
        None,
    ]


def test_an_experiment_is_not_taken_over_into_itself(open_state, tmp_path):
    state = first(open_state)
    (tmp_path / "alias").symlink_to(state.folder)
    with pytest.raises(
        RayPoseError, match=r"needs another experiment, but .*alias is the one that is searched; --resume"
    ):
        sources([tmp_path / "alias"], state.space, state.goals, {}, state.folder)
