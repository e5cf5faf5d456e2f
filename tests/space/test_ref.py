from __future__ import annotations

import random

import optuna
import pytest

from raypose.errors import RayPoseError
from raypose.space import (
    Choice,
    Ref,
    Space,
    defaults,
    difference,
    dump,
    from_params,
    from_partial,
    from_random,
    from_trial,
)
from raypose.space.traverse import as_written, descend


def sample(text: str, **params: object) -> dict:
    return Space.parse(text).sample(from_partial({name.replace("__", "."): value for name, value in params.items()}))


def test_a_ref_has_the_value_of_another_dimension_wherever_it_stands() -> None:
    text = "a: {ref: b.c}\nb: {c: {uniform: [0, 1]}, d: [{ref: b.c}, {e: {ref: b.c, times: 2}}]}"
    assert sample(text, b__c=0.25) == {"a": 0.25, "b": {"c": 0.25, "d": [0.25, {"e": 0.5}]}}
    assert sample(text)["a"] == 0.5


def test_a_ref_is_no_dimension() -> None:
    space = Space.parse("a: {ref: b}\nb: {choice: [1, 2]}")
    assert [each.name for each in space.dimensions] == ["b"]
    (ref,) = [node for _, node in descend(space.tree) if isinstance(node, Ref)]
    assert ref.target is space.dimensions[0]
    assert as_written(space.tree) == {"a": {"ref": "b"}, "b": {"choice": [1, 2]}}
    with pytest.raises(RayPoseError, match="`ref` names no dimension: 'a'; known: b"):
        Space.parse("a: {ref: b}\nb: {choice: [1, 2]}\nc: {ref: a}")


@pytest.mark.parametrize(
    ("dimension", "given", "times", "value"),
    [
        ("{loguniform: [1e-4, 1e-2]}", 3e-4, "0.1", 3e-5),
        ("{randint: [1, 9]}", 3, "2", 6),
        ("{randint: [1, 9]}", 3, "0.5", 1.5),
        ("{randint: [1, 9]}", 3, "-1", -3),
        ("{uniform: [1, 9]}", 3.0, "2", 6.0),
        ("{choice: [8, 16]}", 16, "4", 64),
        ("{choice: [8, {randint: [16, 20]}]}", 8, "4", 32),
        ("{choice: [0.3, 0.6]}", 0.3, "3", 0.9),
    ],
)
def test_times(dimension: str, given: float, times: str, value: float) -> None:
    found = sample(f"a: {{ref: b, times: {times}}}\nb: {dimension}", b=given)["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_ref_to_a_choice_is_what_the_option_comes_to() -> None:
    text = "a: {choice: [{type: X, k: {randint: [1, 5]}, z: {ref: n}}, {type: Y}]}\nb: {ref: a}\nn: {choice: [7, 8]}"
    config = sample(text, a="X", a__X__k=3, n=8)
    assert config["b"] == config["a"] == {"type": "X", "k": 3, "z": 8}
    assert config["b"] is not config["a"]
    assert sample(text, a="Y")["b"] == {"type": "Y"}


def test_an_option_may_be_a_ref() -> None:
    text = "a: {choice: [0, {ref: b}, {label: more, ref: b, times: 10}]}\nb: {randint: [1, 5]}"
    assert Space.parse(text).dimensions[0].labels == ["0", '{"ref":"b"}', "more"]
    assert [sample(text, a=label, b=2)["a"] for label in ("0", '{"ref":"b"}', "more")] == [0, 2, 20]


def test_a_ref_may_use_what_is_taken_on_its_own_way() -> None:
    head = "{choice: [{type: H, lr: {ref: o.A.lr, times: 0.1}}, 5]}"
    text = f"o: {{choice: [{{type: A, lr: {{uniform: [0, 1]}}, head: {head}}}, {{type: B}}]}}"
    assert sample(text, o__A__lr=0.5)["o"]["head"] == {"type": "H", "lr": 0.05}
    assert sample(text, o="B") == {"o": {"type": "B"}}


def test_a_ref_may_stand_before_what_it_names_and_that_may_hold_refs() -> None:
    text = "o: {choice: [{type: A, first: {ref: o.A.c}, c: {choice: [{ref: o.A.lr}, 1]}, lr: {uniform: [0, 1]}}, 2]}"
    assert sample(text, o__A__lr=0.25)["o"] == {"type": "A", "first": 0.25, "c": 0.25, "lr": 0.25}


def test_a_dimension_is_asked_for_once_a_sample() -> None:
    text = "a: {ref: b}\nb: {choice: [{x: {uniform: [0, 1]}}, {y: {uniform: [0, 1]}}]}\nc: {ref: b}\nd: {ref: b}"
    space, rng = Space.parse(text), random.Random(0)
    seen = set()
    for _ in range(20):
        config = space.sample(from_random(rng))
        assert config["a"] == config["b"] == config["c"] == config["d"]
        seen.add(repr(config))
    assert len(seen) == 20
    asked: list = []
    space.sample(lambda dimension: asked.append(dimension.name) or defaults(dimension))
    assert asked == ["b", 'b.{"x":{"uniform":[0,1]}}.x']


def test_a_study_stores_the_target_only() -> None:
    space = Space.parse("a: {ref: b, times: 0.1}\nb: {loguniform: [1e-4, 1e-2]}")
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    config = space.sample(from_trial(trial))
    assert list(trial.params) == ["b"]
    assert config["a"] == pytest.approx(trial.params["b"] / 10, rel=1e-12)
    assert space.sample(from_params(trial.params)) == config
    assert Space.parse(dump(config)).config() == config


BRANCHES = """\
o:
  choice:
    - {type: AdamW, lr: {uniform: [0, 1]}, betas: {choice: [{label: b, x: {uniform: [0, 1]}}, null]}}
    - {type: SGD, m: %s}
other: %s
"""
ELSEWHERE = "but this is used elsewhere too"


@pytest.mark.parametrize(
    ("inside", "outside", "message"),
    [
        ("1", "{ref: opt.AdamW.lr}", "5:8: `ref` names no dimension: 'opt.AdamW.lr'; did you mean 'o.AdamW.lr'?"),
        ("1", "{ref: o.AdamW.lr}", f"5:8: 'o.AdamW.lr' is there only where o is AdamW, {ELSEWHERE}"),
        ("1", "{ref: o.AdamW.betas.b.x}",
         f"5:8: 'o.AdamW.betas.b.x' is there only where o is AdamW and o.AdamW.betas is b, {ELSEWHERE}"),
        ("{ref: o.AdamW.lr}", "1", f"4:22: 'o.AdamW.lr' is there only where o is AdamW, {ELSEWHERE}"),
        ("{ref: o}", "1", "4:22: this `ref` would put 'o' inside of itself"),
        ("1", "{ref: o, times: 2}", "5:8: `times` needs a dimension of numbers, which 'o' is not"),
        ("1", "{ref: 5}", "5:14: `ref` takes the name of a dimension, but got 5"),
        ("1", "{ref: [a]}", '5:14: `ref` takes the name of a dimension, but got ["a"]'),
        ("1", "{ref: o, times: x}", '5:24: `times` takes a finite number, but got "x"'),
        ("1", "{ref: o, times: {uniform: [0, 1]}}", '5:24: `times` takes a finite number, but got {"uniform":[0,1]}'),
        ("1", "{ref: o, times: .inf}", "5:24: `times` takes a finite number, but got Infinity"),
        ("1", "{uniform: [0, {ref: o}]}", '5:22: `uniform` takes finite numbers, but got {"ref":"o"}'),
    ],
)  # fmt: skip
def test_refs_that_cannot_be(inside: str, outside: str, message: str) -> None:
    with pytest.raises(RayPoseError) as caught:
        Space.parse(BRANCHES % (inside, outside), file="s.yaml")
    assert str(caught.value) == f"s.yaml:{message}"


def test_choices_that_hold_each_other_are_refused() -> None:
    with pytest.raises(RayPoseError) as caught:
        Space.parse("a: {choice: [1, {x: {ref: b}}]}\nb: {choice: [2, {y: {ref: a}}]}", file="s.yaml")
    assert str(caught.value) == "s.yaml:2:21: this `ref` would put 'a' inside of itself"


@pytest.mark.parametrize("text", ["{ref: b, time: 2}", "{times: 2}", "{ref: b, times: 2, more: 1}"])
def test_other_mappings_are_none(text: str) -> None:
    assert not any(isinstance(node, Ref) for _, node in descend(Space.parse(f"a: {text}\nb: {{choice: [1]}}").tree))


def test_another_ref_is_another_search() -> None:
    text = "a: {ref: b}\nb: {choice: [1]}\nc: {choice: [1]}"
    old = Space.parse(text)
    assert difference(old, Space.parse(text)) == []
    assert difference(old, Space.parse(text.replace("{ref: b}", "{ref: b, times: 1}"))) == ["a"]
    assert difference(old, Space.parse(text.replace("{ref: b}", "{ref: c}"))) == ["a"]


def test_targets_deep_in_choices_are_linked_too() -> None:
    space = Space.parse("a: {ref: b}\nb: {choice: [{choice: [{ref: c}, 2]}]}\nc: {choice: [5, 6]}")
    for _, node in descend(space.tree):
        target = node.target if isinstance(node, Ref) else None
        assert target is None or target in space.dimensions
    assert isinstance(space.dimensions[0], Choice)
    assert space.default() == {"a": 5, "b": 5, "c": 5}
