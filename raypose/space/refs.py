"""Refs get the dimensions that they name."""

from __future__ import annotations

import math
from dataclasses import replace

from raypose.errors import Problem, nearest
from raypose.space.traverse import branches
from raypose.space.tree import Choice, Dimension, Mapping, Node, Option, Range, Ref, Scalar, Sequence, Unread

Taken = dict[str, str]  # labels by the names of their choices


def link(tree: Node) -> tuple[Node, list[Problem]]:
    """The tree with the target of each ref, and what is wrong with the refs.

    A target must be there wherever its ref is: the options on the way to it are all on the way to the ref too.
    """
    linker = _Linker(tree)
    return linker.node(tree, {}), linker.problems


class _Linker:
    def __init__(self, tree: Node) -> None:
        self.dimensions = {node.name: (node, taken) for taken, node in branches(tree) if isinstance(node, Dimension)}
        self.choices: dict[str, Choice] = {}  # those that are linked
        self.open: list[str] = []  # those that are being linked
        self.problems: list[Problem] = []

    def node(self, node: Node, taken: Taken) -> Node:
        """The node with all below it linked; `taken` are the options on its way."""
        if isinstance(node, Ref):
            return self.ref(node, taken)
        if isinstance(node, Choice):
            return self.choice(node, taken)
        if isinstance(node, Mapping):
            return replace(node, entries={key: self.node(child, taken) for key, child in node.entries.items()})
        if isinstance(node, Sequence):
            return replace(node, items=tuple(self.node(item, taken) for item in node.items))
        return node

    def choice(self, node: Choice, taken: Taken) -> Choice:
        """A choice, linked once, wherever it is first needed."""
        if node.name not in self.choices:
            self.open.append(node.name)
            options = [Option(o.label, self.node(o.node, {**taken, node.name: o.label})) for o in node.options]
            self.choices[node.name] = replace(node, options=tuple(options))
            self.open.pop()
        return self.choices[node.name]

    def ref(self, node: Ref, taken: Taken) -> Node:
        if node.name not in self.dimensions:
            hint = nearest(node.name, self.dimensions) or "the space has no dimensions"
            return self.refuse(node, f"`ref` names no dimension: '{node.name}'", hint)
        target, needed = self.dimensions[node.name]
        if elsewhere := [f"{choice} is {label}" for choice, label in needed.items() if taken.get(choice) != label]:
            where = " and ".join(elsewhere)
            return self.refuse(node, f"'{node.name}' is there only where {where}, but this is used elsewhere too")
        if node.name in self.open:
            return self.refuse(node, f"this `ref` would put '{node.name}' inside of itself")
        if isinstance(target, Choice):
            target = self.choice(target, needed)
        if node.times is not None and not _is_numeric(target):
            return self.refuse(node, f"`times` needs a dimension of numbers, which '{node.name}' is not")
        return replace(node, target=target)

    def refuse(self, node: Ref, message: str, hint: str = "") -> Unread:
        self.problems.append(node.mark.problem(message, "bad-ref", hint))
        return Unread(node.mark)


def _is_numeric(node: Node) -> bool:
    """Whether all that a node may come to is finite numbers."""
    if isinstance(node, Choice):
        return all(_is_numeric(option.node) for option in node.options)
    if isinstance(node, Ref):
        return _is_numeric(node.target)
    value = node.value if isinstance(node, Scalar) else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(node, Range) or number
