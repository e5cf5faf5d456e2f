"""What values the dimensions of a space have in all, and which of them not every configuration has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from raypose.errors import Problem, RayPoseError, nearest
from raypose.space.kinds import multiple
from raypose.space.space import Space
from raypose.space.traverse import branches
from raypose.space.tree import Choice, Dimension, Range
from raypose.space.walker import cast


def values(dimension: Dimension) -> list[Any] | None:
    """All values of a dimension as a study has them, labels of options and numbers; None where they have no end.

    Example:
        >>> values(Space.parse("depth: {quniform: [0.1, 0.3, 0.1]}").dimensions[0])
        [0.1, 0.2, 0.3]
    """
    if isinstance(dimension, Choice):
        return dimension.labels
    if not isinstance(dimension, Range) or dimension.step is None:
        return None
    low, high, step = dimension.low, dimension.high, dimension.step
    return [multiple(index, step) for index in range(round(low / step), round(high / step) + 1)]


def stored(dimension: Dimension, value: Any) -> Any:
    """A value as the study has it: a choice's label, a number on the grid of its range.

    Raises:
        RayPoseError: it is none of the dimension's values.
    """
    if isinstance(dimension, Choice):
        return dimension.take(value).label
    return cast(dimension, value) if isinstance(dimension, Range) else value


def named(space: Space, name: Any) -> Dimension:
    """The dimension of that name.

    Raises:
        RayPoseError: there is none; the hint is the nearest one.
    """
    known = {each.name: each for each in space.dimensions}
    if name not in known:
        raise RayPoseError(f"the space has no dimension '{name}'", hint=nearest(name, known), rule="unknown-dimension")
    return known[name]


def conditional(space: Space) -> list[Dimension]:
    """The dimensions that only some configurations have: those below an option.

    Example:
        >>> [each.name for each in conditional(Space.parse("a: {choice: [{type: A, x: {uniform: [0, 1]}}, 2]}"))]
        ['a.A.x']
    """
    return [node for taken, node in branches(space.tree) if taken and isinstance(node, Dimension)]


def grid(space: Space, given: Mapping[str, Any] | None = None, most: int = 10_000) -> dict[str, list[Any]]:
    """The values of each dimension whose combinations are tried, as a study has them; those that are not `given` follow
    from the space. `most` points, since all of them are held in memory.

    Raises:
        RayPoseError: all that is wrong: a dimension that the space does not have, values that are none of its, no values
            given of a dimension that has no end of them, or too many points.

    Example:
        >>> grid(Space.parse("{lr: {uniform: [0, 1]}, depth: {randint: [1, 3]}}"), {"lr": [0.1, 0.2]})
        {'lr': [0.1, 0.2], 'depth': [1, 2]}
    """
    problems, found = [], {}
    for name, asked in (given or {}).items():
        try:
            found[name] = wanted(named(space, name), asked)
        except RayPoseError as error:
            problems += error.problems
    for dimension in space.dimensions:
        if dimension.name in (given or {}):
            continue
        found[dimension.name] = every = values(dimension) or []
        if not every:
            message = f"GridSampler needs the values to try of '{dimension.name}', of which there is no end"
            hint = f"write search_space: {{{dimension.name}: [...]}}, or make it a choice, randint or quniform"
            problems.append(Problem(message, hint=hint, rule="endless-grid"))
    if problems:
        raise RayPoseError(problems)
    if (points := math.prod(map(len, found.values()))) > most:
        message = f"a grid must have at most {most} points, but it has {points}"
        hint = "name fewer values in its search_space, or take RandomSampler"
        raise RayPoseError(message, hint=hint, rule="large-grid")
    return found


def wanted(dimension: Dimension, asked: Any) -> list[Any]:
    """The values of a dimension that a list asks for, as a study has them, each once.

    Raises:
        RayPoseError: it is no list, or one of them is none of the dimension's.
    """
    if not isinstance(asked, list) or not asked:
        message = f"the values to try of '{dimension.name}' must be a list, but got {asked!r}"
        raise RayPoseError(message, rule="wrong-type")
    return list(dict.fromkeys(stored(dimension, each) for each in asked))
