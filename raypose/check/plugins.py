"""Loading the plugins that a space names, with the place in the space for those that cannot be found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from raypose.check.report import alternatives
from raypose.errors import Problem, RayPoseError
from raypose.plugins import load_plugins
from raypose.space import Space
from raypose.space.offending import with_values
from raypose.space.tree import Scalar, Sequence


def load(space: Space) -> None:
    """Load the plugins; what is no list of names is left to the check.

    Raises:
        RayPoseError: one is missing or raises; what is wrong with the text of the space goes with it.
    """
    named = list(_named(space))
    try:
        load_plugins([str(each.value) for each in named])
    except RayPoseError as error:
        problems = [_placed(problem, named) for problem in error.problems]
        raise RayPoseError([*space.problems, *with_values(problems, space.tree)]) from error


def _named(space: Space) -> Iterator[Scalar]:
    given = space.tree.entries.get("plugins")
    for each in alternatives(given) if given is not None else ():
        for item in each.items if isinstance(each, Sequence) else (each,):
            if isinstance(item, Scalar) and isinstance(item.value, str):
                yield item


def _placed(problem: Problem, named: list[Scalar]) -> Problem:
    """With the place of the name that it is about; one of the plugin's own code has its own place."""
    for item in named if problem.line is None else ():
        if item.value in problem.message:
            at = item.mark.problem("", "")
            return replace(problem, file=at.file, line=at.line, column=at.column)
    return problem
