from __future__ import annotations

import pytest

from raypose.space import Space, defaults, difference, dump
from raypose.space.traverse import descend
from raypose.space.tree import Dimension, Ref


@pytest.mark.parametrize(
    "value",
    [
        {"choice": [1, 2]},
        {"uniform": [1]},
        {"ref": "nothing"},
        {"ref": "nothing", "times": 2},
        {"fixed": {"fixed": 1}},
        {"a": {"choice": [{"randint": 3}, {"label": "kept"}]}},
        [{"choice": []}, {"b": {"uniform": "x"}}],
        5,
    ],
    ids=repr,
)
def test_what_is_fixed_is_taken_as_it_is(value: object) -> None:
    space = Space.parse(f"arg: {{fixed: {value!r}}}".replace("'", ""))
    assert space.dimensions == []
    assert space.config() == {"arg": value}


def test_variables_and_paths_in_what_is_fixed(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RAYPOSE_T", "3")
    text = (
        "a: {fixed: {ann_file: x.json, choice: ['${RAYPOSE_T}']}}\n"
        "ann_file: {fixed: y.json}\n"
        "n: {fixed: {uniform: ['${RAYPOSE_T}']}}"
    )
    assert Space.parse(text, folder=tmp_path).config() == {
        "a": {"ann_file": f"{tmp_path}/x.json", "choice": ["3"]},
        "ann_file": f"{tmp_path}/y.json",
        "n": {"uniform": ["3"]},
    }


def test_an_option_may_be_fixed() -> None:
    space = Space.parse(
        "a: {choice: [{fixed: {type: A, choice: [1]}}, {fixed: {choice: [1]}}, {label: c, fixed: 7}, {fixed: 8}]}"
    )
    assert space.dimensions[0].labels == ["A", '{"choice":[1]}', "c", "8"]
    values = [space.sample(lambda _, label=label: label)["a"] for label in space.dimensions[0].labels]
    assert values == [{"type": "A", "choice": [1]}, {"choice": [1]}, 7, 8]


@pytest.mark.parametrize(
    "config",
    [
        {"a": {"choice": [1, 2]}},
        {"a": {"b": [{"uniform": [0, {"randint": 5}]}, {"choice": 1}]}},
        {"a": {"ref": "x", "times": 0.5}, "b": {"ref": 5}},
        {"a": {"fixed": 1}, "b": {"fixed": {"choice": [2]}}},
        {"choice": [1]},
        {"fixed": {"a": 1}},
        {"base": "nowhere.yaml", "a": {"choice": [1]}},
        {"a": {"base": "nowhere.yaml"}},
    ],
    ids=repr,
)
def test_a_dumped_configuration_reads_back_equal(config: dict) -> None:
    read = Space.parse(dump(config))
    assert read.config() == config
    assert not any(isinstance(node, (Dimension, Ref)) for _, node in descend(read.tree))
    assert Space.parse(dump(read.config())).config() == config


def test_the_configuration_of_a_trial_reads_back_equal() -> None:
    space = Space.parse("a: {choice: [{type: A, arg: {fixed: {uniform: [0, 1]}}}]}\nb: {ref: a}")
    config = space.default()
    kept = dump(space.sample(defaults, portable=True))
    assert Space.parse(kept).config() == config == {key: {"type": "A", "arg": {"uniform": [0, 1]}} for key in "ab"}


def test_a_space_is_dumped_with_its_dimensions() -> None:
    written = {"a": {"choice": [1, {"uniform": [0, 1]}]}, "b": {"ref": "a"}, "c": {"fixed": {"choice": [1]}}}
    space = Space.parse(dump(written, space=True))
    assert [each.name for each in space.dimensions] == ["a", 'a.{"uniform":[0,1]}']
    assert space.default() == {"a": 1, "b": 1, "c": {"choice": [1]}}


def test_fixed_or_searched_is_another_search() -> None:
    fixed, searched = Space.parse("a: {fixed: {choice: [1]}}"), Space.parse("a: {choice: [1]}")
    assert difference(searched, fixed) == ["a"]
    assert difference(Space.parse("a: 1"), Space.parse("a: {fixed: 1}")) == []
