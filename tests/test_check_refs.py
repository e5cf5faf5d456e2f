"""The check reads a ref as all that its target may be, at the ref's position; and points to `--set` where it is at fault."""

from __future__ import annotations

import pytest

from raypose.check.report import alternatives
from raypose.check.variants import variants
from raypose.errors import RayPoseError
from raypose.space import Space
from raypose.tuning.checked import load_checked

TEXT = """\
name: refs
data:
  train: {type: SyntheticPeople, num_images: 8}
  val: {type: SyntheticPeople, num_images: 4}
model:
  backbone: {type: ResNet, depth: %s}
  keypoint_head: {type: HeatmapHead, codec: {choice: [{type: MSRAHeatmap}, {type: UDPHeatmap}]}}
optimizer:
  constructor: CocktailOptimizerConstructor
  backbone: {choice: [{type: SGD, lr: {uniform: [0.1, 0.2]}}, {type: AdamW}]}
  keypoint_head: %s
training: {ema: %s, epochs: {choice: [18, 34]}}
"""


def problems(tmp_path, *parts: str, overrides: tuple[str, ...] = ()) -> list[str]:
    file = tmp_path / "s.yaml"
    file.write_text(TEXT % parts)
    try:
        load_checked(file, overrides)
    except RayPoseError as error:
        return [str(each).replace(f"{tmp_path}/", "") for each in error.problems if each.level == "error"]
    return []


GOOD = ("{ref: training.epochs}", "{ref: optimizer.backbone}", "0.9")


def test_good_refs_pass(tmp_path) -> None:
    assert problems(tmp_path, *GOOD) == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("{ref: training.epochs, times: 2}", *GOOD[1:]), "s.yaml:6:35: 'depth' must be "),
        ((*GOOD[:2], "{ref: training.epochs}"), "s.yaml:12:17: 'ema' must be less than 1, but got 18"),
        ((*GOOD[:2], "{ref: training.epochs, times: 0.03}"), "s.yaml:12:17: 'ema' must be less than 1, but got 1.02"),
        ((GOOD[0], "{type: SGD, lr: {ref: training.epochs, times: -1}}", "0.9"), "s.yaml:11:34: 'lr' must be "),
        (("{ref: optimizer.backbone}", *GOOD[1:]), "s.yaml:6:35: 'depth' must be "),
    ],
)
def test_values_that_a_ref_may_bring_are_checked(tmp_path, parts: tuple[str, str, str], message: str) -> None:
    found = problems(tmp_path, *parts)
    assert len(found) == 1, found
    assert found[0].startswith(message)


def test_a_mistake_in_a_component_that_is_used_twice_is_told_once(tmp_path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text((TEXT % GOOD).replace("{type: AdamW}", "{type: AdmW}"))
    with pytest.raises(RayPoseError) as caught:
        load_checked(file)
    assert [str(each).partition("s.yaml")[2] for each in caught.value.problems] == [
        ":10:70: unknown optimizer 'AdmW'; did you mean 'AdamW'?"
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=x", "--set training.epochs=x: 'epochs' must be an integer"),
        (
            "model.backbone.type=ResNt",
            "--set model.backbone.type=ResNt: unknown backbone 'ResNt'; did you mean 'ResNet'?",
        ),
        (
            "trainin.epochs=3",
            "--set trainin.epochs=3: unknown key 'trainin' in the top level; did you mean 'training'?",
        ),
    ],
)
def test_what_an_override_broke_is_its_problem(tmp_path, override: str, message: str) -> None:
    found = problems(tmp_path, "18", "{type: SGD}", "0.9", overrides=(override,))
    assert len(found) == 1, found
    assert found[0].startswith(message)


def test_a_ref_has_the_variants_and_alternatives_of_its_target() -> None:
    text = "a: {ref: b}\nb: {choice: [{type: X, k: {randint: [1, 5]}}, null]}\nc: {ref: d, times: 0.5}\nd: {randint: [1, 5]}"
    entries = Space.parse(text, "s.yaml").tree.entries
    at = entries["a"].mark
    assert [getattr(each, "value", "mapping") for each in variants(entries["a"])] == ["mapping", "mapping", None]
    assert {each.mark for each in variants(entries["a"])} == {at}
    assert [each.value for each in variants(entries["c"])] == [0.5, 2.0]
    component, null = alternatives(entries["a"])
    assert (component.mark.line, null.mark) == (2, at)
    assert list(alternatives(entries["c"])) == [entries["c"]]
