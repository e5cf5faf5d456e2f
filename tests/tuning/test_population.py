"""Who inherits from whom, and with which values; what the study and the folders say of it, also after a kill."""

import json
import random
from types import SimpleNamespace

import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from raypose import RayPoseError
from raypose.config import Tune
from raypose.reporting.epochs import epochs
from raypose.reporting.records import record
from raypose.space import Space
from raypose.tuning.drawing.draws import EXHAUSTED
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.search_state import SearchState
from raypose.tuning.stopping.generations import Generations, refuse
from raypose.tuning.stopping.population import Member, PopulationBasedTraining
from raypose.tuning.stopping.population_scheduler import PopulationScheduler
from raypose.tuning.stopping.schedulers import build_scheduler

SPACE = Space.parse("""
name: population
rate: {uniform: [0, 1]}
steps: {randint: [1, 9]}
tenths: {quniform: [0, 1, 0.1]}
kind: {choice: [a, b, c, d]}
optimizer: {choice: [{type: A, lr: {loguniform: [1e-3, 1]}}, {type: B, lr: {uniform: [0, 5]}}]}
""")
DIMENSIONS = {each.name: each for each in SPACE.dimensions}


def settings(**given):
    return PopulationBasedTraining(**{"mutate": ["rate", "optimizer.*.lr"], "perturbation_interval": 2, **given})


def member(number, *values, compared=0, **params):
    return Member(number, dict(enumerate(values, 1)), params, compared)


# Who is compared, and when.


def test_boundaries_are_multiples_of_the_interval_after_the_burn_in():
    assert [settings().boundary(member(0, compared=epoch)) for epoch in range(5)] == [2, 2, 4, 4, 6]
    late = settings(burn_in_period=5)
    assert [late.boundary(member(0, compared=epoch)) for epoch in (0, 4, 6)] == [6, 6, 8]


def test_the_population_is_compared_when_all_of_it_waits():
    pbt = settings()
    assert pbt.due([]) == []
    assert pbt.due([member(0, 0.1, 0.2), member(1, 0.1)]) == []
    all_there = [member(0, 0.1, 0.2), member(1, 0.1, 0.2, 0.3)]
    assert pbt.due(all_there) == all_there
    # Who is ahead waits for those that are behind: trials that a resume added.
    ahead = member(0, *[0.1] * 4, compared=2)
    assert pbt.due([ahead, member(1, 0.1)]) == []
    assert pbt.due([ahead, behind := member(1, 0.1, 0.2)]) == [behind]
    assert pbt.due([ahead, member(1, *[0.1] * 3, compared=2)]) == []


# Who inherits.


def test_the_bottom_inherits_from_the_top():
    group = [member(number, 0.0, 0.1 * number, rate=0.5) for number in range(8)]
    for fraction, size in ((0.25, 2), (0.5, 4), (0.01, 1)):
        clones = settings(quantile_fraction=fraction).clones(group, [], seed=0)
        assert [clone.number for clone in clones] == list(range(size))
        assert {clone.parent for clone in clones} <= set(range(8 - size, 8))
    three = group[:3]
    assert [(c.number, c.parent) for c in settings(quantile_fraction=0.5).clones(three, [], 0)] == [(0, 2)]
    assert settings().clones(group[:1], [], 0) == []


def test_the_random_numbers_are_those_of_seed_trial_and_epoch():
    group = [member(number, 0.0, 0.1 * number, rate=0.5) for number in range(12)]
    mutated = [DIMENSIONS["rate"]]
    pbt = settings(quantile_fraction=0.5)
    one = pbt.clones(group, mutated, seed=0)
    assert pbt.clones(group[::-1], mutated, seed=0) == one
    assert pbt.clones(group, mutated, seed=1) != one
    others = [member(each.number, *[0.0, 0.0], *each.values.values(), compared=2, rate=0.5) for each in group]
    assert pbt.clones(others, mutated, seed=0) != one
    assert len({clone.params["rate"] for clone in one}) > 1


def test_nobody_inherits_what_is_no_better():
    equal = [member(number, 0.0, 0.5) for number in range(4)]
    assert settings().clones(equal, [], 0) == []
    # Its own best epoch is the better one: it would be lost.
    fallen = [member(0, 0.9, 0.1), member(1, 0.1, 0.8)]
    assert settings().clones(fallen, [], 0) == []
    assert settings().clones([member(0, 0.7, 0.1), fallen[1]], [], 0)
    # It is behind: its weights are of an earlier epoch.
    behind = [member(0, 0.1, 0.1, 0.1), member(1, 0.1, 0.8)]
    assert settings().clones(behind, [], 0) == []


# With which values.


def explored(name, value, times=200, **given):
    pbt, dimension = settings(**given), DIMENSIONS[name]
    return {pbt.explore({name: value}, [dimension], random.Random(seed))[name] for seed in range(times)}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rate", 0.5, {0.6, 0.4}),
        ("rate", 0.9, {1.0, 0.9 * 0.8}),  # clipped
        ("steps", 2, {1, 3}),  # by one at least
        ("steps", 8, {6, 8}),
        ("tenths", 0.3, {0.2, 0.4}),
        ("tenths", 1.0, {0.8, 1.0}),
        ("optimizer.A.lr", 0.01, {0.012, 0.008}),
        ("kind", '"b"', {'"a"', '"c"'}),
        ("kind", '"d"', {'"c"'}),
    ],
)
def test_values_move_a_little(name, value, expected):
    found = explored(name, value, resample_probability=0)
    assert all(
        any(one == pytest.approx(other) if isinstance(one, float) else one == other for other in expected)
        for one in found
    )
    assert len(found) == len(expected)
    assert {type(each) for each in found} == {type(value)}


def test_values_are_drawn_anew_from_the_whole_dimension():
    assert explored("kind", '"a"', resample_probability=1) == {'"a"', '"b"', '"c"', '"d"'}
    assert explored("steps", 1, resample_probability=1) == set(range(1, 9))
    assert all(round(each * 10) / 10 == each for each in explored("tenths", 0.3, resample_probability=1))
    assert max(explored("optimizer.A.lr", 0.01, resample_probability=1)) > 0.5
    some = explored("rate", 0.5, resample_probability=0.5, times=400)
    assert {0.6, 0.4} <= some
    assert len(some) > 100


def test_only_what_is_mutated_and_in_the_branch_changes():
    params = {"rate": 0.5, "steps": 3, "optimizer": "B", "optimizer.B.lr": 2.0}
    mutated = [DIMENSIONS[name] for name in ("rate", "optimizer.A.lr", "optimizer.B.lr")]
    found = settings(resample_probability=0).explore(params, mutated, random.Random(0))
    assert found.keys() == params.keys()
    assert {name for name in params if params[name] != found[name]} == {"rate", "optimizer.B.lr"}
    assert params["rate"] == 0.5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"perturbation_interval": 0}, "perturbation_interval >= 1 must hold, but got 0"),
        ({"burn_in_period": -1}, "burn_in_period >= 0 must hold, but got -1"),
        ({"quantile_fraction": 0.6}, "0 < quantile_fraction <= 0.5 must hold, but got 0.6"),
        ({"resample_probability": 1.5}, "0 <= resample_probability <= 1 must hold, but got 1.5"),
        ({"perturbation_factors": [1.2, 0]}, "perturbation_factors > 0 must hold, but got"),
        ({"interval": 4}, "takes no argument 'interval'"),
    ],
)
def test_wrong_arguments_are_told(wrong, message):
    with pytest.raises(RayPoseError, match=message):
        build_scheduler({"type": "PopulationBasedTraining", "mutate": ["rate"], **wrong}, "AP", "max", 10)


def test_what_does_not_fit_the_space_is_told():
    with pytest.raises(
        RayPoseError, match=r"needs 'mutate'; what may change: rate, steps, tenths, kind, optimizer\.A\.lr"
    ):
        refuse(settings(mutate=[]), SPACE, 4)
    with pytest.raises(RayPoseError, match="no dimension is named 'rates'; did you mean 'rate'"):
        refuse(settings(mutate=["rates"]), SPACE, 4)
    with pytest.raises(RayPoseError, match=r"'optimizer' cannot change .* its options are components"):
        refuse(settings(mutate=["optimizer"]), SPACE, 4)
    with pytest.raises(RayPoseError, match="needs 2 trials at least, but got 1"):
        refuse(settings(), SPACE, 1)
    refuse(None, SPACE, 1)


# In a study, and in the folders.


@pytest.fixture
def open_state(tmp_path):
    def make(num_trials=4, limits=None, **given):
        (tmp_path / "trials").mkdir(exist_ok=True)
        tune = Tune(metric="score", num_trials=num_trials, **given)
        state = SearchState(SPACE, tmp_path, tune, seed=3, limits=limits)
        state.study.sampler = RandomSampler(seed=0)
        return state

    return make


LEFT = ("checkpoints/epoch_0002.pt", "weights.pt", "metrics.jsonl", "samples/samples.json")


def begin(state, scores):
    """Trials with two epochs each, and what they leave in their folders."""
    for score in scores:
        number = state.next_task().number
        folder = state.files.path(number)
        for name in ("checkpoints", "samples"):
            (folder / name).mkdir(parents=True)
        (folder / "config.yaml").write_text(f"of: {number}\n")
        for name in LEFT:
            (folder / name).write_text(f"{name} of {number}")
        for epoch in (1, 2):
            state.report(number, epoch, {"score": score * epoch})


def test_a_clone_takes_over_configuration_weights_and_values(open_state):
    state = open_state()
    begin(state, [0.3, 0.1, 0.2, 0.4])
    generations = Generations(state, settings(resample_probability=0))
    assert all(map(generations.waits, range(4)))
    assert generations.advance(running=[2]) == []
    assert generations.advance(running=[]) == [1]
    assert not any(map(generations.waits, range(4)))
    assert generations.advance(running=[]) == []

    clone, parent = state.trials()[1], state.trials()[3]
    assert epochs(clone) == epochs(parent) == {1: (0.4,), 2: (0.8,)}
    (entry,) = clone.user_attrs["lineage"]
    assert (entry["epoch"], entry["from"]) == (2, 3)
    task = state.task(1)
    assert task.params == entry["params"] == record(clone, state.goals).params
    changed = {name for name in parent.params if parent.params[name] != task.params[name]}
    assert changed == {"rate", f"optimizer.{parent.params['optimizer']}.lr"}
    assert task.seed != state.task(3).seed

    folder = state.files.path(1)
    assert json.loads((folder / "lineage.jsonl").read_text()) == entry
    assert (folder / "config.yaml").read_text() == task.text
    for name in LEFT:
        assert (folder / name).read_text() == f"{name} of 3"
    assert (state.files.path(3) / "weights.pt").read_text() == "weights.pt of 3"

    assert not state.report(1, 2, {"score": 0.0})  # as its parent did
    state.report(1, 3, {"score": 0.9})
    state.finish(1, TrialState.COMPLETE)
    assert state.trials()[1].value == 0.9
    state.finish(3, TrialState.COMPLETE)
    assert state.trials()[3].value == 0.8


def test_an_inherited_epoch_may_be_the_best(open_state):
    state = open_state(num_trials=2)
    begin(state, [0.3, 0.1])
    assert Generations(state, settings()).advance([]) == [1]
    state.report(1, 3, {"score": 0.2})
    state.finish(1, TrialState.COMPLETE)
    assert state.trials()[1].value == 0.6
    assert (state.files.path(1) / "weights.pt").read_text() == "weights.pt of 0"


def test_lower_is_better_where_it_is(open_state):
    state = open_state(num_trials=2, mode="min")
    begin(state, [0.3, 0.1])
    assert Generations(state, settings()).advance([]) == [0]


def test_trials_that_fail_or_are_to_come_are_thought_of(open_state):
    state = open_state(num_trials=3)
    begin(state, [0.3, 0.1])
    generations = Generations(state, settings())
    assert generations.advance([]) == []  # a third one is to come
    third = state.next_task().number
    assert generations.advance([]) == []
    state.finish(third, TrialState.FAIL, "raised")
    assert generations.advance([]) == [1]


def test_no_more_are_to_come_once_the_search_is_over(open_state):
    state = open_state(num_trials=3)
    begin(state, [0.3, 0.1])
    state.end("enough", drain=True)
    assert Generations(state, settings()).advance([]) == [1]


@pytest.mark.parametrize("killed_in", ["copy", "note", "write_text"])
def test_what_a_kill_left_is_done_at_the_resume(open_state, monkeypatch, killed_in):
    state = open_state()
    begin(state, [0.3, 0.1, 0.2, 0.4])
    killed = Generations(state, settings(quantile_fraction=0.5))

    def kill(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if killed_in == "note":
            patch.setattr(state, "note", kill)
        else:
            patch.setattr(f"raypose.tuning.stopping.generations.{killed_in}", kill)
        with pytest.raises(KeyboardInterrupt):
            killed.advance([])
    again = open_state()
    generations = Generations(again, settings(quantile_fraction=0.5))
    assert not any(map(generations.waits, range(4)))
    found = {number: again.trials()[number].user_attrs["lineage"] for number in (1, 2)}
    told = again.study.user_attrs["generation 0"]["clones"]
    assert {each["number"]: each["params"] for each in told} == {
        n: entries[0]["params"] for n, entries in found.items()
    }
    assert [len(entries) for entries in found.values()] == [1, 1]
    Generations(open_state(), settings())
    assert [len(again.trials()[number].user_attrs["lineage"]) for number in (1, 2)] == [1, 1]
    # What was running is handed out as what it became.
    tasks = [again.next_task() for _ in range(4)]
    assert tasks[1].params == found[1][0]["params"]


def test_a_resume_compares_what_waited(open_state):
    state = open_state()
    begin(state, [0.3, 0.1, 0.2, 0.4])
    state.end("interrupted")
    again = open_state()
    generations = Generations(again, settings())
    assert generations.advance([]) == [1]


def test_a_clone_stays_within_the_constraints(open_state):
    state = open_state(num_trials=2)
    begin(state, [0.3, 0.1])
    fits = state.trials()[0].params["rate"]
    state.draws.limits = Limits(["params <= 1"], price=lambda config: {"params": float(config["rate"] != fits) + 0.5})
    assert Generations(state, settings()).advance([]) == [1]
    assert state.task(1).params == state.trials()[0].params


def test_a_population_that_stays_too_small_is_told_of_once(open_state):
    state, told = open_state(num_trials=3), []
    controller = SimpleNamespace(get_trials=list)
    scheduler = PopulationScheduler(state, settings(), at_a_time=1, warn=told.append)
    begin(state, [0.3])
    scheduler.choose_trial_to_run(controller)
    assert (told, state.over) == ([], None)
    begin(state, [0.1])
    state.study.set_user_attr(EXHAUSTED, "every configuration of the space has been tried")
    for _ in range(2):
        scheduler.choose_trial_to_run(controller)
    assert told == ["the population has 2 of 3 trials: every configuration of the space has been tried"]
    assert state.over is None


def test_one_trial_is_no_population(open_state):
    state = open_state(num_trials=3)
    scheduler = PopulationScheduler(state, settings(), at_a_time=1)
    begin(state, [0.3])
    state.end("nothing new", drain=True)
    state.study.set_user_attr(EXHAUSTED, "nothing new")
    scheduler.choose_trial_to_run(SimpleNamespace(get_trials=list))
    assert state.halted
    assert "needs 2 trials at least, but the population has 1 of 3 trials: nothing new; give" in str(state.over.error)
    assert state.over.error.exit_status == 1
