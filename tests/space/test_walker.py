from __future__ import annotations

import importlib.util
import random
import warnings
from pathlib import Path

import optuna
import pytest

from raypose.errors import RayPoseError
from raypose.space import Choice, Space, defaults, difference, dump, from_params, from_random, from_trial

_spec = importlib.util.spec_from_file_location("space_maker", Path(__file__).with_name("space_maker.py"))
maker = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(maker)
SEEDS = range(40)

optuna.logging.set_verbosity(optuna.logging.ERROR)


def random_space(seed: int) -> Space:
    return Space.parse(dump(maker.space(random.Random(seed)), space=True))


def recording(suggest, seen: dict):
    def record(dimension):
        seen[dimension.name] = suggest(dimension)
        return seen[dimension.name]

    return record


def is_plain(value) -> bool:
    if type(value) is dict:
        return all(type(key) in (str, int) and is_plain(child) for key, child in value.items())
    return all(map(is_plain, value)) if type(value) is list else type(value) in (str, int, float, bool, type(None))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_parameters_give_the_same_configuration(seed: int) -> None:
    space = random_space(seed)
    for draw in range(5):
        params: dict = {}
        config = space.sample(recording(from_random(random.Random(draw)), params))
        assert is_plain(config)
        assert set(params) <= {dimension.name for dimension in space.dimensions}
        assert repr(space.sample(from_params(params))) == repr(config)
        assert repr(space.sample(from_random(random.Random(draw)))) == repr(config)
        again = Space.parse(space.text)
        assert repr(again.sample(from_params(params))) == repr(config)


@pytest.mark.parametrize("seed", SEEDS)
def test_dump_is_read_back_equal(seed: int) -> None:
    space = random_space(seed)
    config = space.sample(from_random(random.Random(seed)))
    read = Space.parse(dump(config)).config()
    assert repr(read) == repr(config)
    portable = Space.parse(dump(space.sample(from_random(random.Random(seed)), portable=True))).config()
    assert repr(portable) == repr(config)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_merged_space_is_kept_equal(seed: int, tmp_path) -> None:
    rng = random.Random(seed)
    for name in ("base", "space"):
        (tmp_path / f"{name}.yaml").write_text(dump(maker.space(rng), space=True), encoding="utf-8")
    own = (tmp_path / "space.yaml").read_text(encoding="utf-8")
    space = Space.parse(f"base: base.yaml\n{own}", folder=tmp_path, overrides=["added.x=${RAYPOSE_T:-1}"])
    again = Space.parse(space.text)
    assert difference(space, again) == []
    assert repr(again.default()) == repr(space.default())
    assert again.default()["added"] == {"x": 1}
    assert again.text == space.text
    assert set(again.default()) == {f"top{i}" for i in range(4)} | {"added"}


@pytest.mark.parametrize("text", maker.STRINGS)
def test_dump_keeps_every_string(text: str) -> None:
    config = {"a": text, "b": [text, {"c": text}], f"k{text}" if text.strip() else "k": [1]}
    assert Space.parse(dump(config)).config() == config


def test_dump_is_readable() -> None:
    config = {"lr": 1e-4, "precision": "on", "size": [96, 128], "nested": {"a": {"b": [1, 2]}}, "x": "${V}"}
    assert dump(config) == ("lr: 0.0001\nprecision: 'on'\nsize: [96, 128]\nnested:\n  a:\n    b: [1, 2]\nx: $${V}\n")
    assert dump({"a": (1, 2)}) == "a: [1, 2]\n"


@pytest.mark.parametrize("seed", SEEDS[:15])
def test_an_optuna_study_suggests_and_its_trials_can_be_replayed(seed: int) -> None:
    space = random_space(seed)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for _ in range(4):
        trial = study.ask()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            config = space.sample(from_trial(trial))
            assert repr(space.sample(from_trial(trial))) == repr(config)
        study.tell(trial, 0.0)
        frozen = study.trials[-1]
        assert set(frozen.params) <= {dimension.name for dimension in space.dimensions}
        for suggest in (
            from_params(frozen.params),
            from_trial(frozen),
            from_trial(optuna.trial.FixedTrial(frozen.params)),
        ):
            assert repr(space.sample(suggest)) == repr(config)


def test_the_study_stores_labels() -> None:
    space = Space.parse("a: {choice: [{type: X, b: {randint: [1, 3]}}, [1, 2]]}")
    trial = optuna.create_study().ask({"a": optuna.distributions.CategoricalDistribution(["X", "[1,2]"])})
    space.sample(from_trial(trial))
    assert trial.params["a"] in ("X", "[1,2]")
    if trial.params["a"] == "X":
        assert trial.distributions["a.X.b"] == optuna.distributions.IntDistribution(1, 2)


def test_only_the_branch_that_is_taken_is_asked() -> None:
    space = Space.parse("a: {choice: [{type: X, b: {randint: [1, 3]}}, {type: Y, c: {randint: [5, 9]}}]}")
    asked: dict = {}
    config = space.sample(recording(from_params({"a": "Y", "a.Y.c": 6, "unused": 1}), asked))
    assert config == {"a": {"type": "Y", "c": 6}}
    assert list(asked) == ["a", "a.Y.c"]


def test_options_may_be_named_by_their_value() -> None:
    space = Space.parse("a: {choice: [16, on, [1, 2], true]}")
    assert [space.sample(from_params({"a": value}))["a"] for value in (16, "16", "on", '"on"', [1, 2], True)] == [
        16, 16, "on", "on", [1, 2], True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("a: {uniform: [0, 1]}", {}, "no value for 'a'"),
        ("a: {uniform: [0, 1]}", {"a": 2}, "s.yaml:1:4: `0.0 <= a <= 1.0` must hold, but got 2"),
        ("a: {uniform: [0, 1]}", {"a": float("nan")}, "s.yaml:1:4: `0.0 <= a <= 1.0` must hold, but got nan"),
        ("a: {uniform: [0, 1]}", {"a": "x"}, "s.yaml:1:4: `0.0 <= a <= 1.0` must hold, but got 'x'"),
        ("a: {randint: [0, 2]}", {"a": 2}, "s.yaml:1:4: `0 <= a <= 1` must hold, but got 2"),
        ("a: {randint: [0, 2]}", {"a": True}, "s.yaml:1:4: `0 <= a <= 1` must hold, but got True"),
        (
            "a: {choice: [{type: ResNet}, {type: VGG}]}",
            {"a": "ResNt"},
            "s.yaml:1:4: 'a' has no option 'ResNt'; did you mean 'ResNet'?",
        ),
    ],
)
def test_values_that_are_none_of_a_dimension_s(text: str, params: dict, message: str) -> None:
    with pytest.raises(RayPoseError) as caught:
        Space.parse(text, file="s.yaml").sample(from_params(params))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("quniform: [0, 1, 0.1]", 0.3000001, 0.3),
        ("quniform: [0, 1, 0.1]", 0.299, 0.3),
        ("quniform: [0, 10, 2]", 3.9, 4.0),
        ("qloguniform: [1e-4, 1e-2, 5e-5]", 0.000326, 0.00035),
        ("qrandint: [8, 64, 8]", 19, 16),
        ("randint: [1, 9]", 3.0, 3),
        ("uniform: [0, 1]", 1, 1.0),
    ],
)
def test_numbers_are_put_onto_the_grid(text: str, given: float, value: float) -> None:
    read = Space.parse(f"a: {{{text}}}").sample(from_params({"a": given}))["a"]
    assert read == value
    assert type(read) is type(value)


def test_each_sample_is_its_own() -> None:
    space = Space.parse("a: {b: [1]}")
    first = space.sample(defaults)
    first["a"]["b"].append(2)
    assert space.sample(defaults) == {"a": {"b": [1]}}


def test_every_option_is_drawn_at_random() -> None:
    space = Space.parse("a: {choice: [1, 2, 3]}\nb: {lograndint: [1, 9]}\nc: {randint: [0, 4]}")
    (choice, *_) = space.dimensions
    assert isinstance(choice, Choice)
    rng = random.Random(0)
    drawn = [space.sample(from_random(rng)) for _ in range(400)]
    assert {each["a"] for each in drawn} == {1, 2, 3}
    assert {each["b"] for each in drawn} == set(range(1, 9))
    assert {each["c"] for each in drawn} == set(range(4))
