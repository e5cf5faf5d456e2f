"""What stands where a problem is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from raypose.errors import Problem
from raypose.space.traverse import as_written, descend
from raypose.space.tree import Mapping, Mark, Node, compact

# Rules about a key, not about its value: a mapping stands where its first key does.
ABOUT_KEYS = frozenset({"unknown-key", "unknown-argument", "duplicate-key"})
# Rules about what is not there.
ABOUT_NOTHING = frozenset({"missing-key"})

Place = tuple[str | None, int | None, int | None]


def with_values(problems: Iterable[Problem], tree: Node) -> list[Problem]:
    """The problems, each with the value (or key) of the tree that stands at its position, as compact JSON.

    Example:
        >>> tree = Space.parse("a: {b: [1]}", "a.yaml").tree
        >>> with_values([Problem("wrong", "a.yaml", 1, 4)], tree)[0].value
        '{"b":[1]}'
    """
    problems = list(problems)
    nodes, keys = (nodes_at(tree), keys_at(tree)) if problems else ({}, {})

    def value(problem: Problem) -> str:
        place = (problem.file, problem.line, problem.column)
        if problem.value or problem.rule in ABOUT_NOTHING:
            return problem.value
        if place in keys and (problem.rule in ABOUT_KEYS or place not in nodes):
            return compact(keys[place])
        return compact(as_written(nodes[place])) if place in nodes else ""

    return [replace(problem, value=value(problem)) for problem in problems]


def nodes_at(tree: Node) -> dict[Place, Node]:
    """The nodes by position; of several at one the outermost."""
    return {_place(node.mark): node for _, node in reversed(list(descend(tree)))}


def keys_at(tree: Node) -> dict[Place, Any]:
    """The keys by position."""
    mappings = [node for _, node in descend(tree) if isinstance(node, Mapping)]
    return {_place(mark): key for node in mappings for key, mark in node.key_marks.items()}


def _place(mark: Mark) -> Place:
    problem = mark.problem("", "")
    return problem.file, problem.line, problem.column
