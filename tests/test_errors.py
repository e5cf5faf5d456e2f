from __future__ import annotations

import pickle

import pytest

from raypose.errors import Problem, RayPoseError, nearest


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("bad"), "bad"),
        (Problem("bad", hint="do good"), "bad; do good"),
        (Problem("bad", "a.yaml"), "a.yaml: bad"),
        (Problem("bad", "a.yaml", 3), "a.yaml:3: bad"),
        (Problem("bad", "a.yaml", 3, 7, hint="do good"), "a.yaml:3:7: bad; do good"),
    ],
)
def test_a_problem_says_where_what_and_what_to_do(problem, text):
    assert str(problem) == text


def test_an_error_holds_all_problems():
    one, two = Problem("one", "a.yaml", 1), Problem("two", "a.yaml", 2)
    error = RayPoseError(iter([one, two]))
    assert error.problems == [one, two]
    assert str(error) == "a.yaml:1: one\na.yaml:2: two"
    assert error.exit_status == 2


def test_an_error_of_one_message():
    error = RayPoseError("bad", hint="do good", rule="some-rule", exit_status=1)
    assert error.problems == [Problem("bad", hint="do good", rule="some-rule")]
    assert error.exit_status == 1
    assert RayPoseError(error.problems[0]).problems == error.problems


def test_an_error_survives_the_way_to_another_process():
    error = RayPoseError([Problem("one", "a.yaml", 1, 2, "rule", "hint"), Problem("two")], exit_status=1)
    again = pickle.loads(pickle.dumps(error))
    assert (again.problems, again.exit_status, str(again)) == (error.problems, 1, str(error))


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("ResNt", ["VGG", "ResNet"], "did you mean 'ResNet'?"),
        ("resnet", ["VGG", "ResNet"], "did you mean 'ResNet'?"),
        ("Transformer", ["VGG", "ResNet"], "known: ResNet, VGG"),
        ("x", [], ""),
        (7, ["VGG"], "known: VGG"),
    ],
)
def test_the_nearest_word(word, known, hint):
    assert nearest(word, known) == hint
