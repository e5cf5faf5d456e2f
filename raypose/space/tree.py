"""The nodes of a space: what a file says, and where it says it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from raypose.errors import Problem, RayPoseError, nearest
from raypose.space.kinds import KINDS, Kind, Number


@dataclass(frozen=True)
class Mark:
    """A position; `line` and `column` count from 1. In what is no file, such as `--set a=1`, they are 0."""

    file: str
    line: int
    column: int

    def problem(self, message: str, rule: str, hint: str = "") -> Problem:
        """A problem at this position."""
        return Problem(message, self.file or None, self.line or None, self.column or None, rule, hint)


class Written(str):
    """A string as it stands in a space file, its `${VAR}` not expanded; `dump` leaves it as it is."""

    __slots__ = ()


@dataclass(frozen=True)
class Node:
    """What all nodes have."""

    mark: Mark


@dataclass(frozen=True)
class Scalar(Node):
    """One value: None, a bool, an int, a float or a string."""

    value: Any  # as a component gets it
    written: Any  # as in the file, `${VAR}` and relative paths included
    portable: Any  # as written, but with absolute paths
    quoted: bool = True  # a string for certain, whatever it looks like


@dataclass(frozen=True)
class Unread(Node):
    """What cannot be understood; a problem says why."""


@dataclass(frozen=True)
class Sequence(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Mapping(Node):
    """A mapping; its keys are strings or ints."""

    entries: dict[Any, Node]
    key_marks: dict[Any, Mark]

    def without(self, key: Any) -> Mapping:
        """The same mapping less one key."""
        return Mapping(self.mark, {k: node for k, node in self.entries.items() if k != key}, self.key_marks)


@dataclass(frozen=True)
class Dimension(Node):
    """A value that is searched. `name` is its path, with the label of each option on the way."""

    name: str
    kind: str


@dataclass(frozen=True)
class Range(Dimension):
    """A number between two inclusive ends, on the multiples of `step` if there is one; `args` are as written."""

    args: tuple[Number, ...]
    low: Number
    high: Number
    step: Number | None

    @property
    def facts(self) -> Kind:
        """Whether it is of integers, logarithmic, quantized."""
        return KINDS[self.kind]


@dataclass(frozen=True)
class Option:
    """One value of a choice."""

    label: str
    node: Node


@dataclass(frozen=True)
class Choice(Dimension):
    """One of several values, told apart by their labels."""

    options: tuple[Option, ...]

    @property
    def labels(self) -> list[str]:
        """The options' labels, in the file's order."""
        return [option.label for option in self.options]

    def take(self, label: Any) -> Option:
        """The option of that label, or of that value.

        Raises:
            RayPoseError: there is none.
        """
        for wanted in (label, compact(label)):
            for option in self.options:
                if option.label == wanted:
                    return option
        hint = nearest(label, self.labels)
        raise RayPoseError(self.mark.problem(f"'{self.name}' has no option '{label}'", "unknown-option", hint))


@dataclass(frozen=True)
class Ref(Node):
    """The value that the dimension `name` has in the same configuration, times a factor if there is one."""

    name: str
    times: Number | None
    target: Dimension


def compact(value: Any) -> str:
    """A value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
