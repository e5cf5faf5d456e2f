"""Importances of a study's dimensions: which trials count, and when there is too little to tell."""

import time
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from raypose.config import Goal
from raypose.reporting.importance import ENOUGH, importances
from raypose.space import Space

UNIT, AP = FloatDistribution(0, 1), Goal("AP", "max")


def experiment(trials, goals=(AP,), space=None):
    study = optuna.create_study(directions=["maximize" if goal.mode == "max" else "minimize" for goal in goals])
    study.add_trials(trials)
    frozen = study.get_trials(deepcopy=False)
    return SimpleNamespace(goals=tuple(goals), frozen_trials=frozen, space=space and Space.parse(space))


def trial(params, value, state="COMPLETE", **attrs):
    values = {"value": value} if state == "COMPLETE" else {}
    return create_trial(
        state=optuna.trial.TrialState[state], params=params, distributions=dict.fromkeys(params, UNIT),
        intermediate_values={1: value}, user_attrs=attrs, **values,
    )  # fmt: skip


def points(count, *names, seed=0):
    rng = np.random.default_rng(seed)
    return [dict(zip(names, row, strict=True)) for row in rng.uniform(size=(count, len(names))).tolist()]


def test_the_largest_is_first_and_the_same_comes_out_again():
    made = experiment([trial(p, p["x"] * 3 + p["y"]) for p in points(80, "z", "y", "x")])
    found = importances(made)
    assert [each.name for each in found] == ["x", "y", "z"]
    assert found[0].value == pytest.approx(0.9, abs=0.06)
    assert found[1].value == pytest.approx(0.1, abs=0.06)
    assert [(each.trials, each.note) for each in found] == [(80, "")] * 3
    assert importances(made) == found


def test_trials_that_were_stopped_count_and_what_was_not_trained_does_not():
    """Those with a low x are all stopped: among those that ended x says nothing."""
    tried = points(60, "x", "y")
    ended = [trial(p, 0.9, "COMPLETE") for p in tried if p["x"] > 0.5]
    stopped = [trial(p, p["x"] / 2, "PRUNED") for p in tried if p["x"] <= 0.5]
    aside = [trial({"x": 1.0, "y": 0.0}, -9.0, role=role, of=0) for role in ("duplicate", "repeat", "final")]
    failed = [trial(p, -9.0, "FAIL") for p in points(20, "x", "y", seed=1)]
    found = importances(experiment([*ended, *stopped, *aside, *failed]))
    assert (found[0].name, found[0].trials) == ("x", 60)
    assert found[0].value > 0.7
    assert max(each.value for each in importances(experiment(ended))) == 0.0


def test_imported_trials_count_and_changed_values_are_those_since():
    tried = points(40, "x", "y")
    made = [
        trial({"x": 0.5, "y": p["y"]}, p["x"], changed=p, **({"role": "imported"} if i % 2 else {}))
        for i, p in enumerate(tried)
    ]
    assert importances(experiment(made))[0].name == "x"
    assert importances(experiment(made))[0].value > 0.9


def test_too_few_trials_say_so():
    found = importances(experiment([trial(p, p["x"]) for p in points(ENOUGH - 1, "x")]))
    assert [(each.value, each.note) for each in found] == [(0.0, "too few trials to tell: 9, of at least 10")]
    some = points(40, "x")
    tried = [{**p, **({"x.rare": p["x"]} if i < 4 else {}), "fixed": 0.5} for i, p in enumerate(some)]
    found = {each.name: each for each in importances(experiment([trial(p, p["x"]) for p in tried]))}
    assert (found["x.rare"].trials, found["x.rare"].note) == (4, "too few trials to tell: 4, of at least 10")
    assert found["fixed"].note == "all trials have the same value"
    assert (found["x"].note, found["x"].trials) == ("", 40)
    many = importances(experiment([trial(p, p["a0"]) for p in points(20, *(f"a{i}" for i in range(21)))]))
    assert {each.note for each in many} == {"fewer trials than dimensions: may be chance"}


def test_dimensions_that_no_trial_has_are_listed():
    space = "name: a\nx: {uniform: [0, 1]}\nz: {choice: [1, {fixed: 2, label: two}]}\n"
    found = importances(experiment([trial(p, p["x"]) for p in points(20, "x")], space=space))
    assert [(each.name, each.trials) for each in found] == [("x", 20), ("z", 0)]
    assert importances(experiment([])) == []


def test_several_objectives_each_by_itself():
    goals = [Goal("flops", "min"), Goal("AP", "max")]
    made = []
    for p in points(60, "x", "y"):
        values = [p["y"], p["x"]]
        made.append(create_trial(values=values, params=p, distributions=dict.fromkeys(p, UNIT),
                                 user_attrs={"epoch 1": values}))  # fmt: skip
    both = experiment(made, goals)
    assert importances(both)[0].name == "x"  # flops is a cost
    assert importances(both, goals[0])[0].name == "y"


def test_a_thousand_trials_of_thirty_dimensions():
    made = experiment([trial(p, p["d3"] + p["d4"]) for p in points(1000, *(f"d{i}" for i in range(30)))])
    began = time.process_time()
    assert {each.name for each in importances(made)[:2]} == {"d3", "d4"}
    assert time.process_time() - began < 3
