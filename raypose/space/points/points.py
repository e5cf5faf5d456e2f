"""Partial configurations -> values of dimensions: settings that a search is to try first."""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Any

from raypose.errors import Problem, RayPoseError
from raypose.space.points.matching import Matcher
from raypose.space.space import Space, in_order
from raypose.space.traverse import as_written
from raypose.space.tree import Mapping, Mark, Node, Scalar, Sequence, compact


def initial_points(space: Space) -> list[dict[str, Any]]:
    """The points in `tune.initial_points`: labels and numbers by the names of dimensions, as far as they are given.

    Raises:
        RayPoseError: all that is wrong with them.

    Example:
        >>> initial_points(Space.parse("{lr: {uniform: [0, 1]}, tune: {initial_points: [{lr: 0.5}]}}"))
        [{'lr': 0.5}]
    """
    tune = space.tree.entries.get("tune")
    given = tune.entries.get("initial_points") if isinstance(tune, Mapping) else None
    if given is None:
        return []
    if not isinstance(given, Sequence):
        message = f"'initial_points' must be a list of mappings, but got {compact(as_written(given))}"
        raise RayPoseError(given.mark.problem(message, "wrong-type"))
    found = [point(space.tree, each) for each in given.items]
    if problems := [problem for _, more in found for problem in more]:
        raise RayPoseError(in_order(problems))
    return [params for params, _ in found]


def point(tree: Mapping, partial: Node | Table[Any, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The values of dimensions that a partial configuration of a space stands for, and what is wrong with it.

    It is nested as a configuration is, or has the full names of dimensions as keys, or both. A name implies the options
    on its way. An option may be given by its label, its value, or as a part of what it holds: of several that hold it,
    the first.

    Example:
        >>> space = Space.parse("opt: {choice: [{type: SGD}, {type: AdamW, lr: {uniform: [0, 1]}}]}")
        >>> point(space.tree, {"opt": {"lr": 0.5}})
        ({'opt': 'AdamW', 'opt.AdamW.lr': 0.5}, [])
        >>> point(space.tree, {"opt.AdamW.lr": 0.5})
        ({'opt': 'AdamW', 'opt.AdamW.lr': 0.5}, [])
    """
    node = partial if isinstance(partial, Node) else _as_node(partial)
    if not isinstance(node, Mapping):
        message = f"a point must be a mapping, but got {compact(as_written(node))}"
        return {}, [node.mark.problem(message, "wrong-type")]
    matcher = Matcher(tree)
    matcher.whole(node)
    return matcher.params, in_order(matcher.problems)


def _as_node(value: Any) -> Node:
    mark = Mark("", 0, 0)
    if isinstance(value, Table):
        return Mapping(mark, {key: _as_node(child) for key, child in value.items()}, dict.fromkeys(value, mark))
    if isinstance(value, (list, tuple)):
        return Sequence(mark, tuple(map(_as_node, value)))
    return Scalar(mark, value, value, value)
