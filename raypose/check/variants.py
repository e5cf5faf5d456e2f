"""What a tree with dimensions may become, without drawing all of it."""

from __future__ import annotations

from raypose.space.tree import Choice, Mapping, Node, Range, Scalar, Sequence


def variants(node: Node) -> list[Node]:
    """Trees without dimensions that show each option of a choice, and both ends of a range, at least once."""
    if isinstance(node, Choice):
        return [variant for option in node.options for variant in variants(option.node)]
    if isinstance(node, Range):
        written = {node.kind: list(node.args)}
        return [Scalar(node.mark, end, written, end) for end in (node.low, node.high)]
    if isinstance(node, Sequence):
        rows = _rows([variants(item) for item in node.items])
        return [Sequence(node.mark, tuple(row)) for row in rows]
    if isinstance(node, Mapping):
        rows = _rows([variants(child) for child in node.entries.values()])
        return [Mapping(node.mark, dict(zip(node.entries, row, strict=True)), node.key_marks) for row in rows]
    return [node]


def _rows(columns: list[list[Node]]) -> list[list[Node]]:
    """Each entry of each column at least once; shorter columns start again."""
    return [[column[i % len(column)] for column in columns] for i in range(max(map(len, columns), default=1))]
