"""What a tree with dimensions may become, without drawing all of it."""

from __future__ import annotations

from raypose.space.kinds import Number, scaled
from raypose.space.traverse import placed
from raypose.space.tree import Choice, Mapping, Node, Range, Ref, Scalar, Sequence


def variants(node: Node) -> list[Node]:
    """Trees without dimensions that show each option of a choice, and both ends of a range, at least once.

    A ref becomes those of its target, at its own position.
    """
    if isinstance(node, Choice):
        return [variant for option in node.options for variant in variants(option.node)]
    if isinstance(node, Range):
        written = {node.kind: list(node.args)}
        return [Scalar(node.mark, end, written, end) for end in (node.low, node.high)]
    if isinstance(node, Ref):
        return [_times(placed(each, node.mark), node.times) for each in variants(node.target)]
    if isinstance(node, Sequence):
        rows = _rows([variants(item) for item in node.items])
        return [Sequence(node.mark, tuple(row)) for row in rows]
    if isinstance(node, Mapping):
        rows = _rows([variants(child) for child in node.entries.values()])
        return [Mapping(node.mark, dict(zip(node.entries, row, strict=True)), node.key_marks) for row in rows]
    return [node]


def _times(node: Node, factor: Number | None) -> Node:
    if factor is None or not isinstance(node, Scalar):
        return node
    value = scaled(node.value, factor)
    return Scalar(node.mark, value, value, value)


def _rows(columns: list[list[Node]]) -> list[list[Node]]:
    """Each entry of each column at least once; shorter columns start again."""
    return [[column[i % len(column)] for column in columns] for i in range(max(map(len, columns), default=1))]
