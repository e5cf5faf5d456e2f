"""The part of a tree that combinations are made of: its choices and ranges, and which exist only in which option."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from raypose.space.kinds import Number
from raypose.space.suggest import defaults
from raypose.space.traverse import children, descend
from raypose.space.tree import Choice, Dimension, Node, Range, Ref
from raypose.space.walker import cast

Section = tuple[str, ...]
WHOLE: frozenset[Section] = frozenset({()})


@dataclass(frozen=True)
class Slot:
    """A dimension; of a choice, what exists only in each of its options, by label."""

    dimension: Choice | Range
    options: dict[str, tuple[Slot, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The dimension's name."""
        return self.dimension.name


def slots(tree: Node, sections: Iterable[Section]) -> tuple[Slot, ...]:
    """The dimensions of some sections of a tree, what their refs point to, and the choices above all of these.

    A choice above a section counts: its options may hold other values there, or no such section.
    """
    wanted = frozenset(sections)
    names: frozenset[str] = frozenset()
    while more := _targets(tree, wanted, names) - names:
        names |= more
    return _slots(tree, wanted, names) or ()


def middle(dimension: Range) -> Number:
    """A range's default on its grid."""
    return cast(dimension, defaults(dimension))


def row(slots: Iterable[Slot], taken: dict[str, Any]) -> dict[str, Any]:
    """A value for each dimension of the branch that `taken` leads to; what it lacks is the first option, the middle."""
    values: dict[str, Any] = {}
    for slot in slots:
        if isinstance(slot.dimension, Range):
            values[slot.name] = taken[slot.name] if slot.name in taken else middle(slot.dimension)
        else:
            label = taken.get(slot.name, slot.dimension.labels[0])
            values |= {slot.name: label, **row(slot.options[label], taken)}
    return values


def _slots(node: Node, sections: frozenset[Section], names: frozenset[str]) -> tuple[Slot, ...] | None:
    """None if nothing that is wanted lies here; an empty tuple if it does, but without dimensions."""
    inside = _inside(node, sections, names)
    if isinstance(node, Range):
        return (Slot(node),) if inside else None
    below = {key: _slots(child, rest, names) for key, child, rest in _below(node, sections, inside)}
    if not inside and all(found is None for found in below.values()):
        return None
    if isinstance(node, Choice):
        return (Slot(node, {label: found or () for label, found in below.items()}),)
    return tuple(slot for found in below.values() for slot in found or ())


def _targets(node: Node, sections: frozenset[Section], names: frozenset[str]) -> frozenset[str]:
    """The names of the dimensions that the refs inside point to."""
    inside = _inside(node, sections, names)
    if inside:
        return frozenset(each.target.name for _, each in descend(node) if isinstance(each, Ref))
    return frozenset().union(*(_targets(child, rest, names) for _, child, rest in _below(node, sections, inside)))


def _inside(node: Node, sections: frozenset[Section], names: frozenset[str]) -> bool:
    return () in sections or (isinstance(node, Dimension) and node.name in names)


def _below(node: Node, sections: frozenset[Section], inside: bool) -> Iterator[tuple[str, Node, frozenset[Section]]]:
    """The children with what is left of the sections; an option's label is no part of them."""
    for key, child in children(node).items():
        if inside or isinstance(node, Choice):
            yield key, child, WHOLE if inside else sections
        else:
            yield key, child, frozenset(section[1:] for section in sections if section[:1] == (key,))
