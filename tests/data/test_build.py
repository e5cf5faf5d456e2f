from __future__ import annotations

import json

import pytest

from raypose import config
from raypose.data import build_dataset, build_datasets
from raypose.errors import RayPoseError
from raypose.registry import DATASETS


def test_three_datasets(tiny_coco):
    train, val, test = build_datasets({"train": tiny_coco.cfg, "val": tiny_coco.cfg, "test": tiny_coco.cfg})
    assert len(train) == len(val) == len(test) == 6
    assert build_datasets(config.Data(train=tiny_coco.cfg, val=tiny_coco.cfg))[2] is None


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_one_part_reads_no_other(tiny_coco, part):
    data = {key: {**tiny_coco.cfg, "ann_file": "not/there.json"} for key in ("train", "val", "test")}
    assert len(build_dataset({**data, part: tiny_coco.cfg}, part)) == 6
    with pytest.raises(RayPoseError, match=r"not/there\.json"):
        build_datasets({**data, part: tiny_coco.cfg})


def test_one_part_of_a_split(tiny_coco):
    data = {"train": tiny_coco.cfg, "val": {"split": 0.4, "group_by": "video", "seed": 1}}
    train, val, _ = build_datasets(data)
    assert build_dataset(data, "train").ids.tolist() == train.ids.tolist()
    assert build_dataset(config.Data(**data), "val").ids.tolist() == val.ids.tolist()
    with pytest.raises(RayPoseError, match=r"no data\.test"):
        build_dataset(data, "test")


@pytest.mark.parametrize(("group_by", "size"), [("video", 3), ("folder", 2), (None, 2)])
def test_split(tiny_coco, group_by, size):
    train, val, _ = build_datasets({"train": tiny_coco.cfg, "val": {"split": 0.4, "group_by": group_by, "seed": 1}})
    assert (len(train), len(val)) == (6 - size, size)
    assert not set(train.groups) & set(val.groups)


def test_a_dataset_without_group_by(tiny_coco):
    @DATASETS.register_module()
    def Ungrouped():
        return DATASETS.build(tiny_coco.cfg)

    try:
        assert len(build_datasets({"train": {"type": "Ungrouped"}, "val": {"split": 0.5}})[1]) == 3
        with pytest.raises(RayPoseError, match="takes no group_by"):
            build_datasets({"train": {"type": "Ungrouped"}, "val": {"split": 0.5, "group_by": "x"}})
    finally:
        DATASETS.remove(lambda component: component is Ungrouped)


def test_different_keypoints(tiny_coco, tmp_path):
    content = json.loads(json.dumps(tiny_coco.content))
    content["categories"][0]["keypoints"] = ["nose", "left_foot", "right_foot"]
    (tmp_path / "other.json").write_text(json.dumps(content))
    other = {**tiny_coco.cfg, "ann_file": str(tmp_path / "other.json")}
    with pytest.raises(RayPoseError) as error:
        build_datasets({"train": tiny_coco.cfg, "val": other, "test": other})
    assert [problem.rule for problem in error.value.problems] == ["keypoints-differ"] * 2
    assert "left_foot" in str(error.value)


def test_a_dataset_must_return_a_table():
    DATASETS.register_module("Listed")(list)
    try:
        with pytest.raises(RayPoseError, match=r"returns a raypose\.data\.KeypointTable, but Listed returned a list"):
            build_datasets({"train": {"type": "Listed"}, "val": {"split": 0.5}})
    finally:
        DATASETS.remove(lambda component: component is list)
