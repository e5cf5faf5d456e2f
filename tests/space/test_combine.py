from __future__ import annotations

import itertools
import json
import random

import pytest

from raypose.space import Space, defaults, from_params
from raypose.space.combining import combinations

SEEDS = range(25)
EVERYTHING = [()]


def options(rng: random.Random, depth: int) -> dict:
    return {"choice": [part(rng, depth - 1, label=f"O{i}") for i in range(rng.randrange(1, 4))]}


def part(rng: random.Random, depth: int, label: str) -> dict:
    keys = range(rng.choice([0, 0, 1, 2]) if depth > 0 else 0)
    return {"type": label, **{f"k{i}": [1, options(rng, depth)] for i in keys}}


def random_tree(seed: int) -> dict:
    rng = random.Random(seed)
    while True:
        tree = {f"c{i}": options(rng, depth=3) for i in range(rng.randrange(2, 4))}
        if 8 < len(brute_force(tree)) < 400:
            return tree


def brute_force(value: object, path: str = "") -> list[dict[str, str]]:
    """Every combination of a tree of plain mappings and lists."""
    if isinstance(value, dict) and list(value) == ["choice"]:
        return [
            {path: option["type"], **below}
            for option in value["choice"]
            for below in brute_force(option, f"{path}.{option['type']}")
        ]
    if not isinstance(value, (dict, list)):
        return [{}]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    every = [{}]
    for key, child in items:
        below = brute_force(child, f"{path}.{key}".lstrip("."))
        every = [{**one, **other} for one in every for other in below]
    return every


def parse(tree: dict) -> Space:
    return Space.parse(json.dumps(tree))


def as_sets(rows: list[dict]) -> list[frozenset]:
    return [frozenset(row.items()) for row in rows]


def pairs(rows: list[dict]) -> set[frozenset]:
    return {frozenset(pair) for row in rows for pair in itertools.combinations_with_replacement(row.items(), 2)}


def asked(space: Space, row: dict) -> set[str]:
    """The dimensions that a configuration of this row has."""
    names = set()

    def suggest(dimension):
        names.add(dimension.name)
        return row.get(dimension.name, defaults(dimension))

    space.sample(suggest)
    return names


@pytest.mark.parametrize("seed", SEEDS)
def test_all_combinations_of_a_conditional_tree(seed: int) -> None:
    tree = random_tree(seed)
    expected = as_sets(brute_force(tree))
    found = combinations(parse(tree), EVERYTHING, limit=len(expected))
    assert found.complete
    assert len(found.rows) == len(expected)
    assert set(as_sets(found.rows)) == set(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pair_that_can_occur_where_all_are_too_many(seed: int) -> None:
    tree = random_tree(seed)
    expected = brute_force(tree)
    found = combinations(parse(tree), EVERYTHING, limit=len(expected) - 1)
    assert not found.complete
    assert set(as_sets(found.rows)) <= set(as_sets(expected))
    assert len(set(as_sets(found.rows))) == len(found.rows)
    assert pairs(found.rows) == pairs(expected)
    assert combinations(parse(tree), EVERYTHING, limit=1).rows == found.rows


@pytest.mark.parametrize(
    ("choices", "options", "most"), [(3, 2, 4), (4, 3, 9), (3, 12, 150), (10, 4, 30), (13, 3, 19), (40, 5, 70)]
)
def test_few_rows_hold_all_pairs(choices: int, options: int, most: int) -> None:
    space = parse({f"c{i}": {"choice": list(range(options))} for i in range(choices)})
    found = combinations(space, EVERYTHING, limit=1)
    assert options**2 <= len(found.rows) <= most
    assert len(pairs(found.rows)) == choices * (choices - 1) // 2 * options**2 + choices * options


def test_the_limit_counts_in() -> None:
    assert combinations(parse({"a": {"choice": list(range(512))}}), EVERYTHING).complete
    assert not combinations(parse({"a": {"choice": list(range(513))}}), EVERYTHING).complete


SPACE = """
data:
  input_size: {choice: [[128, 128], [192, 192]]}
  augment: {rotation: {uniform: [0, 45]}}
model:
  backbone:
    choice:
      - {type: ResNet, depth: {choice: [18, 50]}}
      - {type: HourglassNet, num_stacks: {randint: [1, 4]}}
  head: {type: HeatmapHead, sigma: {ref: data.sigma}, width: {ref: wide}}
wide: {choice: [{type: W, by: {choice: [1, 2]}, far: {ref: factor}}, narrow]}
factor: {choice: [3, 4]}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}, decay: {choice: [0, 1]}}
    - {type: SGD, lr: {qloguniform: [1e-3, 1e-1, 1e-3]}, nesterov: {choice: [true, false]}}
other: {choice: [1, 2]}
"""
WITH_REF = SPACE.replace("augment:", "sigma: {uniform: [1, 3]}\n  augment:")


def test_sections_with_what_their_refs_point_to() -> None:
    space = Space.parse(WITH_REF)
    rows = combinations(space, [("model",), ("nowhere", "at all")]).rows
    names = {name for row in rows for name in row}
    model = {"model.backbone", "model.backbone.ResNet.depth", "model.backbone.HourglassNet.num_stacks"}
    assert names == {*model, "data.sigma", "wide", "wide.W.by", "factor"}
    assert all(row.keys() == asked(space, row) & names for row in rows)


@pytest.mark.parametrize(
    ("section", "names"),
    [
        (("data", "input_size"), {"data.input_size"}),
        (("data",), {"data.input_size", "data.sigma", "data.augment.rotation"}),
        (("other",), {"other"}),
        (("model", "backbone", "depth"), {"model.backbone", "model.backbone.ResNet.depth"}),
        (("optimizer", "type"), {"optimizer"}),
        (("optimizer", "nesterov"), {"optimizer", "optimizer.SGD.nesterov"}),
        (("dat",), set()),
    ],
)
def test_a_section(section: tuple, names: set) -> None:
    found = combinations(Space.parse(WITH_REF), [section])
    assert {name for row in found.rows for name in row} == names
    assert found.complete
    if not names:
        assert found.rows == [{}]


def test_a_section_in_a_list_and_under_a_choice() -> None:
    space = parse({"a": [{"x": 1}, {"choice": [{"type": "P", "lr": {"choice": [1, 2]}, "no": {"choice": [1]}}, 3]}]})
    rows = combinations(space, [("a", "1", "lr")]).rows
    assert rows == [{"a.1": "P", "a.1.P.lr": "1"}, {"a.1": "P", "a.1.P.lr": "2"}, {"a.1": "3"}]


@pytest.mark.parametrize("limit", [512, 3])
def test_each_row_is_one_branch_and_samples(limit: int) -> None:
    space = Space.parse(WITH_REF)
    found = combinations(space, EVERYTHING, limit)
    for row in found.rows:
        assert row.keys() == asked(space, row)
        space.sample(from_params(row))
    assert {name for row in found.rows for name in row} == {each.name for each in space.dimensions}
    assert len(set(as_sets(found.rows))) == len(found.rows)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("uniform: [0, 1]", [0.5, 0.0, 1.0]),
        ("quniform: [0, 1, 0.3]", [0.6, 0.0, 0.9]),
        ("loguniform: [1e-4, 1e-2]", [pytest.approx(1e-3), 1e-4, 1e-2]),
        ("randint: [1, 2]", [1]),
        ("randint: [1, 3]", [2, 1]),
        ("randint: [1, 5]", [2, 1, 3, 4]),
        ("randint: [1, 6]", [3, 1, 5]),
        ("qrandint: [8, 32, 8]", [16, 8, 24, 32]),
        ("qrandint: [8, 40, 8]", [24, 8, 40]),
    ],
)
def test_the_values_of_a_range(text: str, values: list) -> None:
    found = combinations(Space.parse(f"{{a: {{choice: [1, 2]}}, x: {{{text}}}}}"), EVERYTHING)
    assert [(row["a"], row["x"]) for row in found.rows] == [
        *(("1", values[0]), ("2", values[0])), *(("1", value) for value in values[1:]),
    ]  # fmt: skip
    assert found.complete


def test_the_ends_of_a_range_in_a_branch() -> None:
    tree = {
        "a": {"choice": [1, {"type": "X", "r": {"uniform": [0, 1]}, "b": {"choice": [5, 6]}}]},
        "c": {"choice": [{"type": "Y", "s": {"uniform": [2, 4]}}, 7]},
    }
    rows = combinations(parse(tree), EVERYTHING).rows
    assert rows[6:] == [
        {"a": "X", "a.X.r": 0.0, "a.X.b": "5", "c": "Y", "c.Y.s": 3.0},
        {"a": "X", "a.X.r": 1.0, "a.X.b": "5", "c": "Y", "c.Y.s": 3.0},
        {"a": "1", "c": "Y", "c.Y.s": 2.0},
        {"a": "1", "c": "Y", "c.Y.s": 4.0},
    ]
    assert combinations(parse(tree), EVERYTHING, limit=5).rows[-4:] == rows[6:]
