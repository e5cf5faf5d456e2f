"""Ways through a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from raypose.space.tree import Choice, Mapping, Mark, Node, Range, Ref, Scalar, Sequence


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
    if isinstance(node, Ref):
        return {"ref": node.name} if node.times is None else {"ref": node.name, "times": node.times}
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


def branches(node: Node, taken: dict[str, str] | None = None) -> Iterator[tuple[dict[str, str], Node]]:
    """A node and all below it, each with the labels of the options on its way by the names of their choices."""
    taken = taken or {}
    yield taken, node
    for label, child in children(node).items():
        yield from branches(child, {**taken, node.name: label} if isinstance(node, Choice) else taken)


def placed(node: Node, mark: Mark) -> Node:
    """The same node, but all of it stands at `mark`."""
    if isinstance(node, Mapping):
        entries = {key: placed(child, mark) for key, child in node.entries.items()}
        return Mapping(mark, entries, dict.fromkeys(node.key_marks, mark))
    if isinstance(node, Sequence):
        return Sequence(mark, tuple(placed(item, mark) for item in node.items))
    return replace(node, mark=mark)
