"""The problems found so far, and the few questions about nodes that every part of the check asks."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from typing import Any

from raypose.check.slots import Slot
from raypose.errors import Problem
from raypose.space.offending import keys_at, nodes_at, with_values
from raypose.space.space import Space, in_order
from raypose.space.traverse import as_written, descend
from raypose.space.tree import Choice, Mapping, Mark, Node, Ref, Scalar, Unread, compact
from raypose.space.walker import walk


@dataclass(frozen=True)
class Report:
    """Collects problems; `slots` says which keys hold components."""

    slots: Table[str, Slot]
    problems: list[Problem] = field(default_factory=list)
    unread: frozenset[Mark] = frozenset()  # where nothing is said, since a problem says why nothing could be read

    @classmethod
    def on(cls, space: Space, slots: Table[str, Slot]) -> Report:
        """A report that begins with what is wrong with the text of a space."""
        unread = frozenset(node.mark for _, node in descend(space.tree) if isinstance(node, Unread))
        return cls(slots, list(space.problems), unread)

    def add(self, mark: Mark, message: str, rule: str, hint: str = "") -> None:
        """Report a mistake at a position."""
        if mark not in self.unread:
            self.problems.append(mark.problem(message, rule, hint))

    def warn(self, mark: Mark, message: str, rule: str, hint: str = "") -> None:
        """Report what is probably not meant, but stops nothing."""
        self.problems.append(replace(mark.problem(message, rule, hint), level="warning"))

    def touches(self, node: Node) -> bool:
        """Whether an error is reported in or below a node."""
        places = nodes_at(node).keys() | keys_at(node).keys()
        return any((each.file, each.line, each.column) in places for each in self.problems if each.level == "error")

    def in_order(self, tree: Node) -> list[Problem]:
        """All problems by position, each once, with what stands there in the tree."""
        return with_values(in_order(self.problems), tree)


def alternatives(node: Node) -> Iterator[Node]:
    """A node, or each option of a choice or of one that a ref points to, of choices among the options too."""
    if isinstance(node, Choice):
        for option in node.options:
            yield from alternatives(option.node)
    elif isinstance(node, Ref) and node.times is None and isinstance(node.target, Choice):
        for each in alternatives(node.target):
            yield each if isinstance(each, Mapping) else replace(each, mark=node.mark)
    else:
        yield node


def mappings(node: Node | None) -> Iterator[Mapping]:
    """Those of the alternatives that are mappings; none where there is no node."""
    return (each for each in alternatives(node) if isinstance(each, Mapping)) if node is not None else iter(())


def is_null(node: Node) -> bool:
    """Whether a node is an explicit or an empty null."""
    return isinstance(node, Scalar) and node.value is None


def plain(node: Node) -> Any:
    """A node without dimensions as plain values."""
    return walk(node, lambda dimension: None, lambda scalar: scalar.value)


def shown(node: Node) -> str:
    """A node as written, for a message."""
    text = compact(as_written(node))
    return text if len(text) <= 60 else f"{text[:57]}..."
