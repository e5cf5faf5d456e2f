"""Datasets of datasets: every part is held against its own component, at its own line."""

from __future__ import annotations

import pytest

from raypose.check import check
from raypose.data import build_datasets
from raypose.proof.costs import Costs
from raypose.space import Space

TEXT = """\
name: nested
data:
  train:
    type: CombinedDataset
    datasets:
      - {type: CocoKeypoints, ann_file: annotations.json, img_prefix: "${HERE}/images"}
      - type: Subset
        fraction: {choice: [0.5, 1.0]}
        dataset: {type: CocoKeypoints, ann_file: "${HERE}/annotations.json", img_prefix: images}
    sample_ratio_factor: [1, 0.5]
  val:
    type: Subset
    num_instances: 2
    dataset: {type: CocoKeypoints, ann_file: annotations.json, img_prefix: images}
  input_size: [64, 64]
model:
  backbone: {type: ResNet, depth: 18}
  keypoint_head: {type: HeatmapHead}
optimizer: {type: AdamW}
training: {metrics: [{type: CocoAP}]}
"""


@pytest.fixture
def home(tiny_coco, tmp_path, monkeypatch):
    monkeypatch.setenv("HERE", str(tmp_path))
    return tmp_path


def found(text, home):
    problems = check(Space.parse(text, "s.yaml", home))
    return [(each.rule, text.splitlines()[each.line - 1][each.column - 1 :]) for each in problems]


def test_a_good_one(home, monkeypatch):
    assert found(TEXT, home) == []
    monkeypatch.chdir("/")
    config = Space.parse(TEXT, "s.yaml", home).sample(lambda dimension: "0.5")
    train, val, _ = build_datasets(config["data"])
    assert (len(train), len(val)) == (9, 2)
    assert Costs().setting(config).num_keypoints == 3


@pytest.mark.parametrize(
    ("old", "new", "rule", "where"),
    [
        ("- {type: CocoKeypoints", "- {type: CocoKeypoint", "unknown-component", "CocoKeypoint,"),
        ("type: Subset\n        fr", "type: Sbset\n        fr", "unknown-component", "Sbset"),
        ("dataset: {type: CocoKeypoints, ann_file: a", "dataset: {type: Coco, ann_file: a", "unknown-component", "Coco,"),
        ("annotations.json, img_prefix: \"", "none.json, img_prefix: \"", "missing-file", "none.json"),
        ("img_prefix: images}\n    sample", "img_prefix: none}\n    sample", "missing-file", "none}"),
        ("img_prefix: images}\n  input", "img_prefix: images, bbox_file: b}\n  input", "missing-file", "b}"),
        ("img_prefix: images}\n  input", "img_prefix: images, catgory: a}\n  input", "unknown-argument", "catgory"),
        ("dataset: {type: CocoKeypoints, ann_file: a", "dataset: {ann_file: a", "missing-type", "{ann_file"),
        ("    num_instances", "    num_instance", "unknown-argument", "num_instance:"),
        ("fraction: {choice: [0.5, 1.0]}", "fraction: a", "wrong-type", "a"),
        ("[1, 0.5]", "[1, a]", "wrong-type", "a]"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_where_it_is(home, old, new, rule, where):
    assert TEXT.count(old) == 1
    problems = found(TEXT.replace(old, new), home)
    assert [each[0] for each in problems] == [rule]
    assert problems[0][1].startswith(where)
