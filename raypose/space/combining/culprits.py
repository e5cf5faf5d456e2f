"""Which facts are to blame: small sets of them that occur in rows that fail and in none that passes."""

from __future__ import annotations

import functools
import heapq
import itertools
import operator
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Fact = tuple[str, Any]
Row = Mapping[str, Hashable]
Key = tuple[int, ...]  # some facts' numbers, rising


def culprits(failing: Sequence[Row], passing: Sequence[Row], largest: int = 3) -> list[frozenset[Fact]]:
    """Sets of facts (dimension, value) that explain failures, smaller ones first.

    Each is in a failing row and in no passing one, nothing in it can be left out, and every failing row has at least
    one of them. Of all such sets of up to `largest` facts those are taken that explain most failing rows; of equals,
    the smallest, and those whose dimensions lie higher in the tree: `backbone=ResNet` rather than the
    `backbone.ResNet.depth=50` that goes with it. What needs more facts is cut down as far as it goes, and a row all of
    whose facts are in a passing row stands whole. If nothing passes, no fact is to blame: one empty set.

    Example:
        >>> rows = [{"head": head, "loss": loss} for head in ("Heatmap", "SimCC") for loss in ("MSE", "KL")]
        >>> [sorted(each) for each in culprits(failing=rows[2:3], passing=[*rows[:2], rows[3]])]
        [[('head', 'SimCC'), ('loss', 'MSE')]]
        >>> [sorted(each) for each in culprits(failing=rows[2:], passing=rows[:2])]
        [[('head', 'SimCC')]]
    """
    if not failing or not passing:
        return [frozenset()] if failing else []
    facts = _Facts(failing, passing)
    chosen = _greedy(facts, facts.minimal(largest))
    while rest := facts.all_failing & ~facts.explained(chosen):
        chosen.append(facts.shrunk(rest))
    kept = sorted(_needed(facts, chosen), key=lambda key: (len(key), -facts.failing(key).bit_count(), key))
    return [frozenset(facts.names[number] for number in key) for key in kept]


class _Facts:
    """The facts of failing rows, numbered from the top of the tree down; sets of rows are the bits of an int."""

    def __init__(self, failing: Sequence[Row], passing: Sequence[Row]) -> None:
        seen = dict.fromkeys(fact for row in failing for fact in row.items())
        self.names: list[Fact] = sorted(seen, key=lambda fact: (fact[0].count("."), fact[0]))
        numbers = {fact: number for number, fact in enumerate(self.names)}
        rows = (tuple(sorted(numbers[fact] for fact in row.items())) for row in failing)
        self.rows: list[Key] = list(dict.fromkeys(rows))
        passed = ([numbers[fact] for fact in row.items() if fact in numbers] for row in passing)
        self.in_failing = _transposed(self.rows, len(seen))
        self.in_passing = _transposed(passed, len(seen))
        self.all_failing = (1 << len(self.rows)) - 1
        self.all_passing = (1 << len(passing)) - 1

    def failing(self, key: Key) -> int:
        """The failing rows that have all these facts."""
        return functools.reduce(operator.and_, (self.in_failing[number] for number in key), self.all_failing)

    def passing(self, key: Key) -> int:
        """The passing rows that have all these facts."""
        return functools.reduce(operator.and_, (self.in_passing[number] for number in key), self.all_passing)

    def explained(self, keys: Iterable[Key]) -> int:
        """The failing rows that have all facts of at least one of these sets."""
        return functools.reduce(operator.or_, map(self.failing, keys), 0)

    def minimal(self, largest: int) -> Iterator[Key]:
        """Every set of up to `largest` facts that only failing rows have and that needs each of its facts."""
        masks: dict[Key, int] = {(): self.all_passing}
        for size in range(1, largest + 1):
            longer: dict[Key, int] = {}
            for key in itertools.chain.from_iterable(itertools.combinations(row, size) for row in self.rows):
                if key not in longer and all(map(masks.get, itertools.combinations(key, size - 1))):
                    longer[key] = masks[key[:-1]] & self.in_passing[key[-1]]
                    if not longer[key]:
                        yield key
            masks = longer

    def shrunk(self, rows: int) -> Key:
        """The facts of the first of these rows, less what can go, deepest first."""
        row = self.rows[(rows & -rows).bit_length() - 1]
        if self.passing(row):
            return row
        for number in reversed(row):
            fewer = tuple(each for each in row if each != number)
            if not self.passing(fewer):
                row = fewer
        return row


def _greedy(facts: _Facts, keys: Iterable[Key]) -> list[Key]:
    """Again and again what explains most of the rows that are left, until nothing explains more."""
    left = facts.all_failing

    def entry(key: Key) -> tuple[int, int, Key]:
        return -(facts.failing(key) & left).bit_count(), len(key), key

    heap = [entry(key) for key in keys]
    heapq.heapify(heap)
    chosen = []
    while heap and left:
        key = heap[0][2]
        if (now := entry(key)) != heap[0]:  # what it explains was explained meanwhile, in part
            heapq.heapreplace(heap, now) if now[0] else heapq.heappop(heap)
            continue
        heapq.heappop(heap)
        chosen.append(key)
        left &= ~facts.failing(key)
    return chosen


def _needed(facts: _Facts, keys: list[Key]) -> list[Key]:
    """Less those all of whose rows others explain; the longest and rarest go first."""
    order = sorted(keys, key=lambda key: (-len(key), facts.failing(key).bit_count(), key))
    later = [*itertools.accumulate(map(facts.failing, reversed(order)), operator.or_, initial=0)][-2::-1]
    kept: list[Key] = []
    explained = 0
    for key, rest in zip(order, later, strict=True):
        if facts.failing(key) & ~(explained | rest):
            kept.append(key)
            explained |= facts.failing(key)
    return kept


def _transposed(rows: Iterable[Iterable[int]], count: int) -> list[int]:
    """For each of `count` facts the rows that have it."""
    masks = [0] * count
    for index, row in enumerate(rows):
        for number in row:
            masks[number] |= 1 << index
    return masks
