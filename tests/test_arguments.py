from __future__ import annotations

import inspect

import pytest
from pydantic import PositiveFloat, PositiveInt

from raypose import RayPoseError
from raypose.arguments import Size, checked
from raypose.callables import parameters
from raypose.check.words import in_words


class Blur:
    @checked
    def __init__(self, size: Size, sigma: PositiveFloat | list[PositiveInt] = 1.0, *rest: object) -> None:
        self.size, self.sigma = size, sigma


def test_arguments_arrive_as_their_annotations_say():
    blur = Blur([3, 4], 2)
    assert (blur.size, blur.sigma) == ((3, 4), 2.0)
    assert isinstance(blur.sigma, float)
    assert list(inspect.signature(Blur).parameters) == ["size", "sigma", "rest"]
    assert parameters(Blur)["size"].annotation == Size


@pytest.mark.parametrize(("args", "kwargs", "messages"), [
    (((3, 4), -1), {}, ["Blur: 'sigma' must be greater than 0, but got -1"]),
    (((3, 4),), {"sigma": [1, 0]}, ["Blur: 'sigma' must be greater than 0, but got 0"]),
    (((3, 0),), {"sigma": -1}, ["Blur: 'size' must be greater than 0, but got 0",
                                "Blur: 'sigma' must be greater than 0, but got -1"]),
])  # fmt: skip
def test_wrong_arguments(args, kwargs, messages):
    with pytest.raises(RayPoseError) as caught:
        Blur(*args, **kwargs)
    assert [each.message for each in caught.value.problems] == messages


def test_missing_and_unknown_arguments_are_pythons_errors():
    with pytest.raises(TypeError, match="missing a required argument: 'size'"):
        Blur()
    with pytest.raises(TypeError, match="unexpected keyword argument 'width'"):
        Blur((3, 4), width=2)


@pytest.mark.parametrize(("annotation", "words"), [
    (PositiveFloat | tuple[PositiveFloat, PositiveFloat], "a number or a list of 2 numbers"),
    (int | list[int] | None, "an integer or a list of integers or null"),
    (tuple[int, ...], "a list of integers"),
    (dict[str, float] | str, "a mapping or a string"),
])  # fmt: skip
def test_annotations_in_words(annotation, words):
    assert in_words(annotation) == words
