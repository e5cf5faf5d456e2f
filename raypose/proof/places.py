"""Where in a space file the cause of a failure stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from raypose.space import Choice, Space, defaults
from raypose.space.tree import Dimension, Mark, Node, Ref, Scalar, Sequence
from raypose.space.tree import Mapping as Section

Row = Mapping[str, Any]
# How a message mentions a string, an argument, a number, a component's name; what is more certain comes first.
MENTIONED = (r"'{}'", r"'{0}'|\b{0}(:|=| >| <| must| is| are| value)", r"(got|:) {}(?![\w.])", r"\b{}\b")


def taken(node: Node | None, row: Row) -> Node | None:
    """The node that stands there in a row's configuration."""
    while isinstance(node, (Choice, Ref)):
        node = node.target if isinstance(node, Ref) else node.take(row.get(node.name, node.labels[0])).node
    return node


def at(space: Space, path: tuple[str, ...], row: Row) -> Node | None:
    """The node at a configuration's path, such as ("model", "backbone"), in a row's configuration."""
    node = taken(space.tree, row)
    for key in path:
        node = taken(node.entries.get(key), row) if isinstance(node, Section) else None
    return node


def pinpoint(node: Node, row: Row, message: str) -> Mark:
    """The place in or below a component that a message is about: an argument or a value that it quotes, else a
    component that it names, else the component itself."""
    found = [(rank, mark.line, mark.column, mark) for mark, rank in _mentioned(node, row, message)]
    return min(found, key=lambda each: each[:3])[3] if found else node.mark


def _mentioned(node: Node | None, row: Row, message: str) -> Iterator[tuple[Mark, int]]:
    """Marks of what a message mentions, with its rank in `MENTIONED`."""
    node = taken(node, row)
    if isinstance(node, Section):
        for key, child in node.entries.items():
            below = taken(child, row)
            word = below.value if isinstance(below, Scalar) and isinstance(below.value, str) else None
            if key == "type":
                yield from [(node.mark, 3)] if word and _says(message, MENTIONED[3], word) else ()
                continue
            if word and _says(message, MENTIONED[0], word):
                yield (child if isinstance(child, Dimension) else below or child).mark, 0
            elif _says(message, MENTIONED[1], key):
                yield node.key_marks[key], 1
            yield from _mentioned(child, row, message)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _mentioned(item, row, message)
    elif isinstance(node, Scalar) and type(node.value) in (int, float) and _says(message, MENTIONED[2], node.value):
        yield node.mark, 2


def _says(message: str, pattern: str, word: object) -> bool:
    return re.search(pattern.format(re.escape(str(word))), message) is not None


def with_facts(space: Space, row: Row, facts: Iterable[tuple[str, Any]]) -> Row:
    """A row with other values of some dimensions, and what leads to these; it has the dimensions of its own branch."""
    asked: dict[str, Any] = {}
    wanted = {**row, **dict(facts)}
    for name in [name for name, _ in facts]:
        for choice in (each for each in space.dimensions if isinstance(each, Choice)):
            label = next((each for each in choice.labels if name.startswith(f"{choice.name}.{each}.")), None)
            if label is not None:
                wanted[choice.name] = label

    def suggest(dimension: Dimension) -> Any:
        value = wanted.get(dimension.name, defaults(dimension))
        if dimension.name in row or dimension.name in wanted:
            asked[dimension.name] = value
        return value

    space.sample(suggest)
    return asked


@dataclass(frozen=True)
class Fact:
    """A dimension's value: its name in the configuration, the value in words, and where it is written."""

    name: str
    words: str
    mark: Mark
    is_component: bool = False


def option(space: Space, name: str, value: Any) -> Fact:
    """What stands in the file for a value of the dimension of that name."""
    dimension = next(each for each in space.dimensions if each.name == name)
    last = name.rpartition(".")[2]
    if not isinstance(dimension, Choice):
        return Fact(last, f"{last} {value:g}", dimension.mark)
    node = dimension.take(value).node
    if isinstance(node, Section):
        return Fact(last, f"'{value}'", node.mark, is_component=True)
    return Fact(last, f"{last} {node.value if isinstance(node, Scalar) else value}", node.mark)


def in_words(space: Space, facts: Iterable[tuple[str, Any]]) -> str:
    """Options and values, each with its line, by line."""
    found = sorted((option(space, *fact) for fact in facts), key=lambda each: (each.mark.line, each.mark.column))
    return " and ".join(f"{each.words} ({_where(each.mark, space.file)})" for each in found)


def _where(mark: Mark, file: str) -> str:
    if mark.file == file:
        return f"line {mark.line}"
    return f"{mark.file}:{mark.line}" if mark.line else mark.file
