from __future__ import annotations

import pytest

from raypose.errors import RayPoseError
from raypose.space import Choice, Range, Space, defaults

CONTRACT = """
data:
  input_size: {choice: [[128, 128], [192, 192]]}
  augment: {rotation: {uniform: [0, 45]}, scale: 0.3}
model:
  backbone:
    choice:
      - type: ResNet
        depth: {choice: [18, 50]}
      - {type: HourglassNet, num_stacks: {randint: [1, 3]}}
  keypoint_head:
    codec: {type: MSRAHeatmap, sigma: {uniform: [1, 3]}}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
    - {type: AdamW, lr: 1}
    - {constructor: Cocktail, backbone: {type: SGD, lr: {loguniform: [1e-3, 1e-1]}}}
    - {label: plain, type: SGD, lr: {uniform: [0, 1]}}
rates: [{uniform: [0, 1]}, 5, [{randint: [0, 2]}]]
"""


def dimensions(text: str) -> dict:
    return {each.name: each for each in Space.parse(text).dimensions}


def test_names_follow_the_path_and_the_labels_in_the_file_s_order() -> None:
    assert list(dimensions(CONTRACT)) == [
        "data.input_size",
        "data.augment.rotation",
        "model.backbone",
        "model.backbone.ResNet.depth",
        "model.backbone.HourglassNet.num_stacks",
        "model.keypoint_head.codec.sigma",
        "optimizer",
        "optimizer.AdamW.lr",
        "optimizer.Cocktail.backbone.lr",
        "optimizer.plain.lr",
        "rates.0",
        "rates.2.0",
    ]


def test_labels() -> None:
    found = dimensions(CONTRACT)
    assert found["optimizer"].labels == ["AdamW", "AdamW_2", "Cocktail", "plain"]
    assert found["data.input_size"].labels == ["[128,128]", "[192,192]"]
    options = "[1, 1.5, on, null, true, {a: 1, b: [é]}, {type: {choice: [A, B]}}, {label: 3}, A, {label: A}]"
    assert dimensions(f"x: {{choice: {options}}}")["x"].labels == [
        "1", "1.5", '"on"', "null", "true", '{"a":1,"b":["é"]}', '{"type":{"choice":["A","B"]}}', "3", '"A"', "A",
    ]  # fmt: skip


def test_repeated_labels_never_collide() -> None:
    options = "[{type: A}, {label: A_2, type: B}, {type: A}, {type: A}, {label: A_2}]"
    assert dimensions(f"x: {{choice: {options}}}")["x"].labels == ["A", "A_2", "A_3", "A_4", "A_2_2"]


def test_labels_of_variables_do_not_depend_on_the_machine(monkeypatch) -> None:
    text = "x: {choice: ['${RAYPOSE_T}/a', b]}"
    monkeypatch.setenv("RAYPOSE_T", "/one")
    first = dimensions(text)["x"].labels
    monkeypatch.setenv("RAYPOSE_T", "/two")
    assert dimensions(text)["x"].labels == first == ['"${RAYPOSE_T}/a"', '"b"']


def test_a_label_is_stripped_from_an_option_and_from_nothing_else() -> None:
    config = Space.parse("x: {choice: [{label: a, b: 1}]}\ny: {label: kept}").default()
    assert config == {"x": {"b": 1}, "y": {"label": "kept"}}


def test_an_option_may_itself_be_a_dimension() -> None:
    space = Space.parse(
        "x: {choice: [0, {uniform: [1, 2]}, {label: more, choice: [3, {label: deep, randint: [4, 9]}]}]}"
    )
    assert [each.name for each in space.dimensions] == ["x", 'x.{"uniform":[1,2]}', "x.more", "x.more.deep"]
    values = {"x": "more", "x.more": "deep", "x.more.deep": 7}
    assert space.sample(lambda dimension: values[dimension.name]) == {"x": 7}


@pytest.mark.parametrize("text", ["{uniform: [0, 1], a: 1}", "{uniform: [0, 1], randint: [0, 1]}", "{unifrm: [0, 1]}"])
def test_only_a_mapping_of_exactly_one_known_key_is_a_dimension(text: str) -> None:
    assert Space.parse(f"x: {text}").dimensions == []


# Ends after Ray Tune's rules: exclusive for integers, but inclusive with q > 1; quantized ends move inwards.
@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("uniform: [0, 45]", (0.0, 45.0, None)),
        ("loguniform: [1e-4, 1e-2]", (1e-4, 1e-2, None)),
        ("quniform: [0.1, 0.9, 0.1]", (0.1, 0.9, 0.1)),
        ("quniform: [0.15, 0.88, 0.1]", (0.2, 0.8, 0.1)),
        ("quniform: [-1, 1, 0.5]", (-1.0, 1.0, 0.5)),
        ("qloguniform: [1e-4, 1e-2, 5e-5]", (1e-4, 1e-2, 5e-5)),
        ("qloguniform: [1e-4, 1e-1, 1e-3]", (1e-3, 1e-1, 1e-3)),
        ("randint: [1, 3]", (1, 2, 1)),
        ("randint: [-3, 0]", (-3, -1, 1)),
        ("lograndint: [1, 100]", (1, 99, 1)),
        ("qrandint: [8, 64, 8]", (8, 64, 8)),
        ("qrandint: [5, 63, 8]", (8, 56, 8)),
        ("qrandint: [0, 5, 1]", (0, 4, 1)),
        ("qrandint: [0, 5]", (0, 4, 1)),
    ],
)
def test_ends(text: str, ends: tuple) -> None:
    found = dimensions(f"x: {{{text}}}")["x"]
    assert isinstance(found, Range)
    assert (found.low, found.high, found.step) == ends
    assert [type(each) for each in (found.low, found.high)] == [type(each) for each in ends[:2]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("choice: []", "1:13: `choice` needs at least one option, but got []"),
        ("choice: 5", "1:13: `choice` takes a list of options"),
        ("choice: {a: 1}", "1:13: `choice` takes a list of options"),
        ("choice: [{label: [1], a: 1}]", "1:22: a label must be a word"),
        ("choice: [{label: '', a: 1}]", "1:22: a label must be a word"),
        ("uniform: [5, 1]", "1:14: `low < high` must hold, but got (low=5, high=1)"),
        ("randint: [5, 1]", "1:14: `low < high` must hold, but got (low=5, high=1)"),
        ("uniform: [1, 1]", "1:14: `low < high` must hold, but got (low=1, high=1)"),
        ("loguniform: [0, 1]", "1:17: `0 < low` must hold, but got (low=0, high=1)"),
        ("lograndint: [0, 9]", "1:17: `0 < low` must hold, but got (low=0, high=9)"),
        ("qloguniform: [-1, 1, 1]", "1:18: `0 < low` must hold, but got (low=-1, high=1, q=1)"),
        ("quniform: [0, 1, 0]", "1:15: `0 < q <= high - low` must hold, but got (low=0, high=1, q=0)"),
        ("quniform: [0, 1, 2]", "1:15: `0 < q <= high - low` must hold, but got (low=0, high=1, q=2)"),
        ("qrandint: [0, 10, -2]", "1:15: `0 < q <= high - low` must hold, but got (low=0, high=10, q=-2)"),
        ("uniform: 5", "1:14: `uniform` takes [low, high], but got 5"),
        ("uniform: [1]", "1:14: `uniform` takes [low, high], but got [1]"),
        ("uniform: [1, 2, 3]", "1:14: `uniform` takes [low, high], but got [1,2,3]"),
        ("quniform: [1, 2]", "1:15: `quniform` takes [low, high, q], but got [1,2]"),
        ("uniform: {low: 1, high: 2}", '1:14: `uniform` takes [low, high], but got {"low":1,"high":2}'),
        ("uniform: [a, 2]", '1:15: `uniform` takes finite numbers, but got "a"'),
        ("uniform: [1, '2']", '1:18: `uniform` takes finite numbers, but got "2"'),
        ("uniform: [true, 2]", "1:15: `uniform` takes finite numbers, but got true"),
        ("uniform: [0, .inf]", "1:18: `uniform` takes finite numbers, but got Infinity"),
        ("uniform: [0, {uniform: [1, 2]}]", '1:18: `uniform` takes finite numbers, but got {"uniform":[1,2]}'),
        ("randint: [1.5, 3]", "1:15: `randint` takes integers, but got 1.5"),
    ],
)
def test_malformed_dimensions(text: str, message: str) -> None:
    with pytest.raises(RayPoseError) as caught:
        Space.parse(f"x: {{{text}}}", file="s.yaml")
    assert str(caught.value) == f"s.yaml:{message}"


def test_two_dimensions_of_one_name_are_refused() -> None:
    with pytest.raises(RayPoseError, match=r"s.yaml:2:6: two dimensions have the name 'a.b'"):
        Space.parse("a: {b: {randint: [0, 3]}}\na.b: {randint: [0, 3]}", file="s.yaml")


def test_defaults_are_first_options_and_middles() -> None:
    config = Space.parse(CONTRACT).sample(defaults)
    assert config["model"]["backbone"] == {"type": "ResNet", "depth": 18}
    assert config["optimizer"]["lr"] == pytest.approx(1e-3)
    assert config["data"]["augment"]["rotation"] == 22.5
    assert config == Space.parse(CONTRACT).default()


def test_a_configuration_has_no_dimensions() -> None:
    with pytest.raises(RayPoseError) as caught:
        Space.parse("a: {uniform: [0, 1]}\nb: {choice: [1]}", file="s.yaml").config()
    assert str(caught.value).splitlines() == [
        "s.yaml:1:4: a configuration has no dimensions, but 'a' is one",
        "s.yaml:2:4: a configuration has no dimensions, but 'b' is one",
    ]
    assert isinstance(Space.parse("b: {choice: [1]}").dimensions[0], Choice)
