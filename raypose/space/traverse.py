"""Ways through a tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raypose.space.tree import Choice, Mapping, Node, Range, Scalar, Sequence


def as_written(node: Node) -> Any:
    """A node as plain values, as in the file."""
    if isinstance(node, Mapping):
        return {key: as_written(child) for key, child in node.entries.items()}
    if isinstance(node, Sequence):
        return [as_written(item) for item in node.items]
    if isinstance(node, Choice):
        return {"choice": [as_written(option.node) for option in node.options]}
    if isinstance(node, Range):
        return {node.kind: list(node.args)}
    return node.written if isinstance(node, Scalar) else None


def children(node: Node) -> dict[str, Node]:
    """The nodes right below: a mapping's by key, a list's by index, a choice's by label."""
    if isinstance(node, Mapping):
        return {str(key): child for key, child in node.entries.items()}
    if isinstance(node, Sequence):
        return {str(index): child for index, child in enumerate(node.items)}
    if isinstance(node, Choice):
        return {option.label: option.node for option in node.options}
    return {}


def descend(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """A node and all below it, in every branch, with their paths; parents first, in the file's order."""
    yield path, node
    for key, child in children(node).items():
        yield from descend(child, (*path, key))
