"""A plan is what the space says, held to the rules."""

import pytest

from raypose import RayPoseError
from raypose.space import Space
from raypose.tuning.plan import Plan


def plan(tune="metric: AP", data=""):
    return Plan.of(Space.parse(f"{{name: planned, x: {{uniform: [0, 1]}}, {data} tune: {{{tune}}}}}"))


def test_early_stopping_is_by_default_with_one_objective_only():
    assert type(plan().pruner).__name__ == "SuccessiveHalvingPruner"
    several = plan("metric: [AP, EPE]")
    assert (several.pruner, several.scheduler) == (None, None)
    assert plan("metric: AP, scheduler: null").pruner is None


@pytest.mark.parametrize("pruner", ["SuccessiveHalvingPruner", "MedianPruner"])
def test_a_pruner_that_is_given_is_refused_beside_several_objectives(pruner):
    with pytest.raises(RayPoseError, match=r"compares one value, but tune.metric has 2"):
        plan(f"metric: [AP, EPE], scheduler: {{type: {pruner}}}")


def test_all_that_clashes_is_told_at_once():
    with pytest.raises(RayPoseError) as error:
        plan("metric: [AP, EPE], target: 0.8, repeats: 2")
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("data", "has_test"), [("data: {test: {type: A}},", True), ("data: {test: null},", False), ("", False)]
)
def test_whether_there_are_data_to_test_on(data, has_test):
    assert plan(data=data).has_test == has_test
