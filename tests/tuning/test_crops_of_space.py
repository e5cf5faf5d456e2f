"""Before trials start, crops are cut that every configuration of the space can be read from."""

import random
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from raypose.config import Data
from raypose.data.crops import Needs
from raypose.data.crops.regions import Regions
from raypose.data.keypoint_info import make_info
from raypose.data.table import KeypointTable
from raypose.errors import RayPoseError
from raypose.space import Space
from raypose.space.suggest import from_random
from raypose.tuning.crops_of_space import space_needs

REST = "train: {type: A}, val: {type: B}"
SPACES = {
    "fixed": f"data: {{{REST}, padding: 1.1}}",
    "numbers": f"""
data: {{{REST}, padding: {{quniform: [1.0, 1.5, 0.05]}}, augment: {{rotation: {{uniform: [0, 90]}},
  scale: {{loguniform: [0.01, 0.6]}}, shift: {{uniform: [0, 0.3]}}, half_body: {{choice: [0.0, 0.3]}}}}}}""",
    "sizes": f"data: {{{REST}, input_size: {{choice: [[128, 128], [96, 192], [256, 96]]}}}}",
    "widths and heights": f"""
data: {{{REST}, input_size: [{{qrandint: [64, 256, 32]}}, {{choice: [64, {{randint: [100, 300]}}]}}]}}""",
    "one number twice": f"""
data: {{{REST}, input_size: [{{randint: [64, 200]}}, {{ref: data.input_size.0}}],
  augment: {{scale: {{uniform: [0, 0.3]}}, shift: {{ref: data.augment.scale, times: 0.5}}}}}}""",
    "a ref out of the section": f"""
size: {{choice: [[64, 64], [192, 96]]}}
data: {{{REST}, input_size: {{ref: size}}}}""",
    "nested": f"""
data:
  {REST.replace(", ", chr(10) + "  ")}
  input_size: {{choice: [[96, 96], {{choice: [[64, 256], [320, 64]]}}]}}
  augment:
    choice:
      - {{label: weak, rotation: 10, scale: {{choice: [0.1, {{uniform: [0.2, 0.5]}}]}}}}
      - {{label: strong, rotation: {{choice: [40, {{uniform: [60, 120]}}]}}, scale: 0.1, half_body: 0.2}}""",
    "whole sections": """
data:
  choice:
    - {label: a, train: {type: A}, val: {split: 0.2}, padding: {uniform: [1, 2]}}
    - {label: b, train: {type: B}, val: {type: A}, input_size: {choice: [[64, 64], [512, 64]]}}""",
    "datasets": """
data:
  train: {choice: [{type: A}, {type: B, names: {choice: [x, y]}, fraction: {quniform: [0.25, 1, 0.25]}}]}
  val: {choice: [{split: 0.2, seed: {randint: [0, 3]}}, {type: C}]}
  augment: {rotation: {uniform: [0, 50]}}""",
}


@pytest.fixture(scope="module")
def table():
    """Boxes of all proportions, some of them on whole pixels; keypoints in two halves."""
    rng = np.random.default_rng(0)
    n, k = 60, 10
    bbox = np.concatenate([rng.uniform(0, 500, (n, 2)), rng.uniform(10, 400, (n, 2))], axis=1).astype(np.float32)
    bbox[::2] = bbox[::2].round()
    points = bbox[:, None, :2] + rng.random((n, k, 2)) * bbox[:, None, 2:]
    info = replace(make_info({"name": "thing", "keypoints": [f"k{i}" for i in range(k)]}), upper_body=tuple(range(5)))
    return KeypointTable(
        paths=["a.jpg"], image_index=np.zeros(n, int), bbox=bbox, area=bbox[:, 2] * bbox[:, 3], ids=np.arange(n),
        keypoints=np.concatenate([points, np.full((n, k, 1), 2)], axis=2).astype(np.float32),
        image_ids=np.array([1]), groups=np.array([0]), info=info,
    )  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_whatever_is_sampled_is_covered(name, table):
    space = Space.parse(SPACES[name])
    wanted = space_needs(space)
    kept = {(each.part, each.needs): Regions.of(table, each.needs) for each in wanted}
    suggest, read = from_random(random.Random(0)), TypeAdapter(Data)
    for _ in range(200):
        data = read.validate_python(space.sample(suggest)["data"])
        for part in ("train", "val"):
            found = [each for each in wanted if same_dataset(each, part, data)]
            assert found, (part, data)
            asked = Regions.of(table, Needs.of(data, augmented=part == "train"))
            assert all(kept[each.part, each.needs].covers(asked) for each in found), data


def same_dataset(wanted, part, data):
    if "type" in data.val:
        return "type" in wanted.data.val and getattr(wanted.data, wanted.part) == getattr(data, part)
    return wanted.part == part and (wanted.data.train, wanted.data.val) == (data.train, data.val)


def datasets(text):
    return [(each.part, each.data.train, each.data.val) for each in space_needs(Space.parse(text))]


def test_each_dataset_is_there_once():
    found = space_needs(Space.parse(SPACES["datasets"]))
    # Each of 9 for training by itself, and split from by 3 seeds; one for validation by itself.
    assert len(found) == 9 + 9 * 3 * 2 + 1
    assert len({each.key for each in found}) == len(found)
    assert {each.needs.rotation for each in found if each.part == "val"} == {0}
    assert {each.needs.rotation for each in found if each.part == "train"} == {50}


def test_one_dataset_for_both_serves_both():
    (wanted,) = space_needs(Space.parse("data: {train: {type: A}, val: {type: A}, augment: {rotation: 40}}"))
    assert wanted.needs.rotation == 40


def test_what_the_trials_ask_for_and_no_more():
    text = "data: {train: {type: A}, val: {type: B}, input_size: {choice: [[64, 64], [96, 64]]}, padding: {uniform: [1, 2]}}"
    train, val = space_needs(Space.parse(text))
    assert train.needs == Needs(((64, 64), (96, 64)), (1.0, 2.0), rotation=30, scale=0.25, shift=0.05)
    assert val.needs == Needs(((64, 64), (96, 64)), (1.0, 2.0))


def test_a_dataset_of_which_no_two_trials_have_the_same_is_left_to_them():
    train = "train: {type: A, fraction: {uniform: [0.1, 1]}}"
    assert datasets(f"data: {{{train}, val: {{split: 0.2}}}}") == []
    assert [part for part, *_ in datasets(f"data: {{{train}, val: {{type: B}}}}")] == ["val"]
    either = "train: {choice: [{type: A, fraction: {uniform: [0.1, 1]}}, {type: B}]}"
    assert datasets(f"data: {{{either}, val: {{split: 0.2}}}}") == [
        ("train", {"type": "B"}, {"split": 0.2}),
        ("val", {"type": "B"}, {"split": 0.2}),
    ]


@pytest.mark.parametrize(("store", "count"), [("false", 0), ("true", 2), ("{choice: [false, true]}", 2)])
def test_without_stores_nothing_is_wanted(store, count):
    assert len(datasets(f"data: {{{REST}, store: {store}}}")) == count


def test_the_test_data_are_not_touched():
    assert [part for part, *_ in datasets(f"data: {{{REST}, test: {{type: C}}}}")] == ["train", "val"]


def test_wrong_values_are_told():
    with pytest.raises(RayPoseError, match=r"padding.*greater than 0"):
        space_needs(Space.parse(f"data: {{{REST}, padding: {{choice: [1.25, -1]}}}}"))
