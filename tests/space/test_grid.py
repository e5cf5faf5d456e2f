import pytest

from raypose import RayPoseError
from raypose.space import Space
from raypose.space.grid import conditional, grid, values

SPACE = """
lr: {choice: [0.001, 0.01]}
depth: {randint: [1, 4]}
dropout: {quniform: [0.1, 0.35, 0.1]}
decay: {qloguniform: [0.5, 1.5, 0.5]}
width: {lograndint: [2, 5]}
size: {qrandint: [32, 96, 32]}
"""
BRANCHES = """
backbone: {choice: [{type: A, x: {randint: [0, 3]}, y: {randint: [0, 2]}}, {type: B, z: {choice: [1, 2]}}]}
lr: {uniform: [0, 1]}
"""


def test_values_are_those_that_a_study_has():
    assert [values(each) for each in Space.parse(SPACE).dimensions] == [
        ["0.001", "0.01"],
        [1, 2, 3],
        [0.1, 0.2, 0.3],
        [0.5, 1.0, 1.5],
        [2, 3, 4],
        [32, 64, 96],
    ]
    assert values(Space.parse("lr: {loguniform: [1, 2]}").dimensions[0]) is None


def test_conditional_dimensions_are_below_an_option():
    names = [each.name for each in conditional(Space.parse(BRANCHES))]
    assert names == ["backbone.A.x", "backbone.A.y", "backbone.B.z"]
    assert conditional(Space.parse(SPACE)) == []


def test_a_grid_follows_from_the_space_and_what_is_given():
    found = grid(Space.parse(BRANCHES), {"lr": [0.5, 0.5, 1], "backbone.B.z": [2]})
    assert found == {"lr": [0.5, 1.0], "backbone.B.z": ["2"], "backbone": ["A", "B"],
                     "backbone.A.x": [0, 1, 2], "backbone.A.y": [0, 1]}  # fmt: skip


def test_all_that_is_wrong_with_a_grid_is_said_at_once():
    given = {"backbone.A.z": [1], "backbone.B.z": [1, 3], "backbone.A.x": 2}
    with pytest.raises(RayPoseError) as error:
        grid(Space.parse(BRANCHES), given)
    messages = [str(each) for each in error.value.problems]
    assert len(messages) == 4
    assert "no dimension 'backbone.A.z'; did you mean 'backbone.B.z'" in messages[0]
    assert "'backbone.B.z' has no option '3'" in messages[1]
    assert "'backbone.A.x' must be a list, but got 2" in messages[2]
    assert "GridSampler needs the values to try of 'lr', of which there is no end" in messages[3]


def test_a_grid_is_held_in_memory_and_has_a_bound():
    with pytest.raises(RayPoseError, match="at most 10 points, but it has 24"):
        grid(Space.parse("{a: {randint: [0, 4]}, b: {randint: [0, 6]}}"), most=10)
