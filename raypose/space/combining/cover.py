"""Rows that hold every pair of options that can occur together, greedily few of them.

After AETG (Cohen, Dalal, Fredman and Patton, IEEE Transactions on Software Engineering 23(7), 1997), on a tree of
conditional choices and without randomness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from raypose.space.combining.slots import Slot


def cover(slots: Iterable[Slot]) -> list[dict[str, str]]:
    """Options by the name of their choice; all pairs of options that can occur together, and each option, are in a row.

    Example:
        >>> len(cover(slots(Space.parse("{a: {choice: [1, 2]}, b: {choice: [1, 2]}, c: {choice: [1, 2]}}").tree, [()])))
        4
    """
    return list(_Cover(slots).rows())


@dataclass(frozen=True)
class _Atom:
    """An option as a bit; `above` has its own bit and those of the options that it is in."""

    choice: str
    label: str
    bit: int
    above: int
    inner: list[list[_Atom]]


class _Cover:
    """Sets of atoms are the bits of an int."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self.atoms: list[_Atom] = []
        self.choices = self.grow(slots, 0)
        self.left: dict[int, int] = {}  # by atom: itself if in no row yet, and those not yet in a row with it
        self.mark(self.choices, 0)

    def grow(self, slots: Iterable[Slot], above: int) -> list[list[_Atom]]:
        return [[self.atom(slot, label, above) for label in slot.options] for slot in slots if slot.options]

    def atom(self, slot: Slot, label: str, above: int) -> _Atom:
        bit = 1 << len(self.atoms)
        made = _Atom(slot.name, label, bit, above | bit, [])
        self.atoms.append(made)
        made.inner.extend(self.grow(slot.options[label], above | bit))
        return made

    def mark(self, choices: list[list[_Atom]], outside: int) -> None:
        """Note with what each atom can occur, given what can occur with all of these choices."""
        sizes = [_all(choice) for choice in choices]
        for choice, own in zip(choices, sizes, strict=True):
            beside = outside | (sum(sizes) - own)
            for atom in choice:
                self.left[atom.bit] = beside | atom.bit
                self.mark(atom.inner, beside | atom.bit)

    def rows(self) -> Iterator[dict[str, str]]:
        """Each starts from a pair of options that have least left to do, so that no row has to be made for a rest."""
        while unfinished := [atom for atom in self.atoms if self.left[atom.bit]]:
            first = min(unfinished, key=self.waiting)
            second = min((atom for atom in unfinished if self.left[first.bit] & atom.bit), key=self.waiting)
            taken = self.fill(first.above | second.above)
            row = sum(atom.bit for atom in taken)
            for atom in taken:
                self.left[atom.bit] &= ~row
            yield {atom.choice: atom.label for atom in taken}

    def waiting(self, atom: _Atom) -> int:
        """With how many others it is in no row yet."""
        return self.left[atom.bit].bit_count()

    def fill(self, fixed: int) -> list[_Atom]:
        """The atoms of a row that has the fixed ones, and otherwise what covers most."""
        taken = []
        choices = list(self.choices)
        while choices:
            best = [max(choice, key=lambda atom: self.worth(atom, fixed)) for choice in choices]
            index = max(range(len(best)), key=lambda i: self.worth(best[i], fixed))
            del choices[index]
            choices += best[index].inner
            taken.append(best[index])
            fixed |= best[index].bit
        return taken

    def worth(self, atom: _Atom, fixed: int) -> tuple[bool, int, int]:
        """Whether it is fixed already; how many pairs it and what is best in it cover; how many it has left."""
        return bool(atom.bit & fixed), self.gain(atom, fixed), self.waiting(atom)

    def gain(self, atom: _Atom, fixed: int) -> int:
        own = self.left[atom.bit] & (fixed | atom.bit)
        return own.bit_count() + sum(max(self.gain(each, fixed) for each in choice) for choice in atom.inner)


def _all(choice: list[_Atom]) -> int:
    """All atoms in any branch of a choice."""
    return sum(atom.bit + sum(map(_all, atom.inner)) for atom in choice)
