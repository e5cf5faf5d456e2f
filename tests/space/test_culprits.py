from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable

import pytest

from raypose.space import Space
from raypose.space.combining import combinations, culprits

SEEDS = range(20)
Facts = frozenset[tuple[str, object]]


def random_space(rng: random.Random) -> Space:
    """Four choices of three options, some of which have a choice of three options in them: at most 9**4 combinations."""

    def option(label: str, inner: int) -> dict:
        return {"type": label, **{f"k{i}": {"choice": ["x", "y", "z"]} for i in range(inner)}}

    def choice() -> dict:
        return {"choice": [option(label, rng.choice([0, 0, 0, 1])) for label in "ABC"]}

    return Space.parse(json.dumps({f"c{i}": choice() for i in range(4)}))


def plant(rng: random.Random, rows: list[dict], size: int) -> Facts:
    """Facts of a row; what others of them imply is left out, and so are more that are left by that."""
    facts = rng.sample(sorted(rng.choice(rows).items()), size)
    return frozenset(one for one in facts if not any(two[0].startswith(f"{one[0]}.{one[1]}.") for two in facts))


def split(rows: list[dict], faults: Iterable[Facts]) -> tuple[list[dict], list[dict]]:
    failing = [row for row in rows if any(fault <= row.items() for fault in faults)]
    return failing, [row for row in rows if row not in failing]


def covers(one: Facts, other: Facts, rows: list[dict]) -> bool:
    """Whether a fault leaves nothing for another to explain."""
    return one != other and all(one <= row.items() for row in rows if other <= row.items())


def check(found: list[Facts], failing: list[dict], passing: list[dict]) -> None:
    """What must hold for any answer."""
    assert [len(each) for each in found] == sorted(len(each) for each in found)
    for each in found:
        assert any(each <= row.items() for row in failing)
        assert not any(each <= row.items() for row in passing)
        for fact in each:
            assert any(each - {fact} <= row.items() for row in passing), "a fact too many"
        rest = [other for other in found if other != each]
        assert not all(any(other <= row.items() for other in rest) for row in failing), "a set too many"
    assert all(any(each <= row.items() for each in found) for row in failing)


@pytest.mark.parametrize("sizes", [(1,), (2,), (3,), (1, 2), (2, 2), (3, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("seed", SEEDS[:6])
def test_planted_faults_are_found_among_all_combinations(seed: int, sizes: tuple[int, ...]) -> None:
    rng = random.Random(f"{seed} {sizes}")
    rows = combinations(random_space(rng), [()], limit=9**4).rows
    faults = [plant(rng, rows, size) for size in sizes]
    failing, passing = split(rows, faults)
    found = culprits(failing, passing)
    check(found, failing, passing)
    assert set(found) == {fault for fault in faults if not any(covers(other, fault, rows) for other in faults)}


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_planted_fault_is_narrowed_down_among_few_combinations(seed: int, size: int) -> None:
    rng = random.Random(f"{seed} {size}")
    rows = combinations(random_space(rng), [()], limit=1).rows
    fault = plant(rng, rows, size)
    failing, passing = split(rows, [fault])
    found = culprits(failing, passing)
    check(found, failing, passing)
    assert len(found) == 1, "one fault explains all"
    assert len(found[0]) <= len(fault)
    if size == 1:
        assert found == [fault]


@pytest.mark.parametrize("seed", SEEDS)
def test_any_failures_are_explained(seed: int) -> None:
    rng = random.Random(seed)
    rows = [dict(zip("abcde", values, strict=True)) for values in itertools.product(range(2), repeat=5)]
    rng.shuffle(rows)
    failing, passing = rows[: rng.randrange(1, 20)], rows[20:]
    found = culprits(failing, passing)
    check(found, failing, passing)
    assert found == culprits([dict(reversed(row.items())) for row in failing], passing)
    for size in range(1, 4):  # by brute force: what is small enough is found so small
        sets = {frozenset(facts) for row in rows for facts in itertools.combinations(row.items(), size)}
        guilty = [each for each in sets if not any(each <= row.items() for row in passing)]
        if all(any(each <= row.items() for each in guilty) for row in failing):
            assert max(map(len, found)) <= max(size, 3)
            break
    else:
        assert max(map(len, found)) > 3


def nested(fails) -> tuple[list[dict], list[dict]]:
    rows = [{"head": head, "net": "ResNet", "net.ResNet.depth": depth} for head in "AB" for depth in (18, 50)]
    rows += [{"head": head, "net": "VGG"} for head in "AB"]
    return [row for row in rows if fails(row)], [row for row in rows if not fails(row)]


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        (lambda row: row.get("net.ResNet.depth") == 50, [{("net.ResNet.depth", 50)}]),
        (lambda row: row["net"] == "ResNet", [{("net", "ResNet")}]),
        (lambda row: row["net"] == "VGG", [{("net", "VGG")}]),
        (lambda row: row["net"] == "ResNet" and row["head"] == "B", [{("net", "ResNet"), ("head", "B")}]),
        (
            lambda row: row["net"] == "VGG" or (row.get("net.ResNet.depth"), row["head"]) == (50, "A"),
            [{("net", "VGG")}, {("net.ResNet.depth", 50), ("head", "A")}],
        ),
        (lambda row: False, []),
        (lambda row: True, [set()]),
    ],
)
def test_nested_facts(fails, expected: list[set]) -> None:
    failing, passing = nested(fails)
    assert culprits(failing, passing) == expected


def test_the_higher_of_two_dimensions_that_go_together() -> None:
    passing = [{"net": "VGG", "head": "A"}]
    assert culprits([{"net.ResNet.depth": 50, "head": "A", "net": "ResNet"}], passing) == [{("net", "ResNet")}]


def test_one_fault_at_all_defaults_is_not_blamed_on_the_ends_of_ranges() -> None:
    space = Space.parse(
        "{a: {choice: [1, 2]}, b: {choice: [1, 2]}, c: {choice: [{type: X, r: {uniform: [0, 1]}}, Y]}, s: {uniform: [0, 1]}}"
    )
    fault = frozenset({("a", "1"), ("b", "1")})
    failing, passing = split(combinations(space, [()]).rows, [fault])
    assert culprits(failing, passing) == [fault]


def test_what_explains_most_of_what_is_left() -> None:
    guilty = ["xzv", "xzv", "xz", "x", "x", "x", "zw", "vw", "vw"]
    rows = [{name: int(name in each) for name in "vwxz"} | {"n": n % 3} for n, each in enumerate(guilty)]
    passing = [dict.fromkeys("vwxz", 0) | {"n": n} for n in range(3)]
    assert culprits(rows, passing) == [{("x", 1)}, {("w", 1)}]


def test_more_facts_than_asked_for() -> None:
    rows = [dict(zip("abcde", values, strict=True)) for values in itertools.product(range(3), repeat=5)]
    fault = frozenset({("a", 0), ("b", 1), ("c", 2), ("e", 0)})
    assert culprits(*split(rows, [fault])) == [fault]
    assert culprits(*split(rows, [fault]), largest=1) == [fault]


def test_a_row_that_passes_too_stands_whole() -> None:
    assert culprits([{"a": 1, "b": 2}], [{"a": 1, "b": 2}, {"a": 2, "b": 2}]) == [{("a", 1), ("b", 2)}]
    assert culprits([{}], [{"a": 1}]) == [set()]
    assert culprits([{"a": 1}, {"a": 2}], [{"a": 1}]) == [{("a", 1)}, {("a", 2)}]


@pytest.mark.parametrize(("fails", "values"), [(200, 60), (990, 10)])
def test_a_thousand_rows_of_chance(fails: int, values: int) -> None:
    rng = random.Random(0)
    rows = [{f"d{i}": rng.randrange(values) for i in range(15)} for _ in range(1000)]
    check(culprits(rows[:fails], rows[fails:]), rows[:fails], rows[fails:])
