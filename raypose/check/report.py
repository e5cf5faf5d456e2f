"""The problems found so far, and the few questions about nodes that every part of the check asks."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace

from raypose.check.slots import Slot
from raypose.errors import Problem
from raypose.space.space import in_order
from raypose.space.traverse import as_written
from raypose.space.tree import Choice, Mapping, Mark, Node, Scalar, compact


@dataclass(frozen=True)
class Report:
    """Collects problems; `slots` says which keys hold components."""

    slots: Table[str, Slot]
    problems: list[Problem] = field(default_factory=list)

    def add(self, mark: Mark, message: str, rule: str, hint: str = "") -> None:
        """Report a mistake at a position."""
        self.problems.append(mark.problem(message, rule, hint))

    def warn(self, mark: Mark, message: str, rule: str, hint: str = "") -> None:
        """Report what is probably not meant, but stops nothing."""
        self.problems.append(replace(mark.problem(message, rule, hint), level="warning"))

    def in_order(self) -> list[Problem]:
        """All problems by position, each once."""
        return in_order(self.problems)


def alternatives(node: Node) -> Iterator[Node]:
    """A node, or each option of a choice, of choices among the options too."""
    if isinstance(node, Choice):
        for option in node.options:
            yield from alternatives(option.node)
    else:
        yield node


def mappings(node: Node | None) -> Iterator[Mapping]:
    """Those of the alternatives that are mappings; none where there is no node."""
    return (each for each in alternatives(node) if isinstance(each, Mapping)) if node is not None else iter(())


def is_null(node: Node) -> bool:
    """Whether a node is an explicit or an empty null."""
    return isinstance(node, Scalar) and node.value is None


def shown(node: Node) -> str:
    """A node as written, for a message."""
    text = compact(as_written(node))
    return text if len(text) <= 60 else f"{text[:57]}..."
