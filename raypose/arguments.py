"""Constructors that hold their arguments to their annotations, which `raypose check` reads too."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ConfigDict, PositiveInt, ValidationError, validate_call

from raypose.errors import Problem, RayPoseError

Size = tuple[PositiveInt, PositiveInt]  # width, height

_OF_TYPES = ("_type", "_parsing", "_from_float", "none_required", "is_instance_of")


def checked(init: Any) -> Any:
    """A decorator of `__init__`: its arguments arrive as the types of their annotations, lists as tuples for example.

    Raises:
        RayPoseError, when it is called: arguments of another type or out of bounds, all at once.

    Example:
        >>> class Blur:
        ...     @checked
        ...     def __init__(self, sigma: PositiveFloat) -> None: ...
        >>> Blur(sigma=-1)
        Traceback (most recent call last):
        raypose.errors.RayPoseError: Blur: 'sigma' must be greater than 0, but got -1
    """
    signature = inspect.signature(init)
    validated: Callable = validate_call(config=ConfigDict(arbitrary_types_allowed=True))(init)

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        signature.bind(self, *args, **kwargs)  # a missing or unknown argument is Python's own error
        try:
            validated(self, *args, **kwargs)
        except ValidationError as error:
            raise RayPoseError(problems(error, type(self).__name__, list(signature.parameters))) from None

    return wrapper


def problems(error: ValidationError, owner: str, names: Sequence[str] = ()) -> list[Problem]:
    """What pydantic found wrong with the arguments of `owner`, one problem an argument; `names` of those by position."""
    found = []
    for argument, each in itertools.groupby(error.errors(), key=lambda one: one["loc"][0]):
        name = names[argument] if isinstance(argument, int) else argument
        worst = max(about_bounds(list(each)), key=lambda one: len(one["loc"]))  # the one deepest inside
        said = worst["msg"].replace("Input should ", "must ").replace("a valid ", "a ")
        found.append(Problem(f"{owner}: '{name}' {said}, but got {worst['input']!r}", rule="wrong-value"))
    return found


def about_bounds(errors: list[Any]) -> list[Any]:
    """Those of pydantic's errors that say why a value of the right type is wrong; all errors if none does."""
    return [each for each in errors if not each["type"].endswith(_OF_TYPES)] or errors
