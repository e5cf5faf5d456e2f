from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from raypose.data import CocoKeypoints, CombinedDataset, build_dataset, build_datasets, dataset_info
from raypose.errors import RayPoseError


@pytest.fixture
def other(tiny_coco, tmp_path):
    """The same images and ids, with one crowd, somebody who is not labelled, and annotations the other way round."""
    content = json.loads(json.dumps(tiny_coco.content))
    crowd = {**content["annotations"][5], "id": 50, "iscrowd": 1}
    bare = {**content["annotations"][0], "id": 51, "keypoints": [0] * 9, "num_keypoints": 0}
    content["annotations"] = [crowd, *content["annotations"][::-1], bare]
    (tmp_path / "other.json").write_text(json.dumps(content))
    return {**tiny_coco.cfg, "ann_file": str(tmp_path / "other.json")}


def read(cfg):
    return CocoKeypoints(**{key: value for key, value in cfg.items() if key != "type"})


def test_one_after_the_other(tiny_coco, other):
    joined, parts = CombinedDataset([tiny_coco.cfg, other]), [read(tiny_coco.cfg), read(other)]
    assert len(joined) == 12
    row = 0
    for part in parts:
        for i in range(len(part)):
            assert joined.paths[joined.image_index[row]] == part.paths[part.image_index[i]]
            np.testing.assert_array_equal(joined.keypoints[row], part.keypoints[i])
            np.testing.assert_array_equal(joined.bbox[row], part.bbox[i])
            assert joined.area[row] == part.area[i]
            row += 1
    assert joined.sizes.tolist() == [[64, 64]] * 12
    assert joined.weights is None
    assert joined.box_scores is None
    assert joined.truth is None


def test_ids_are_unique_and_what_is_ignored_stays_in_its_image(tiny_coco, other):
    joined, part = CombinedDataset([other, tiny_coco.cfg, other]), read(other)
    assert len(set(joined.image_ids.tolist())) == len(joined.paths) == 18
    annotations = joined.to_coco()["annotations"]
    assert len({each["id"] for each in annotations}) == len(annotations) == 18 + 4
    path = dict(zip(joined.image_ids.tolist(), joined.paths, strict=True))
    of_part = dict(zip(part.image_ids.tolist(), part.paths, strict=True))
    assert [path[each["image_id"]] for each in joined.ignored] == [of_part[e["image_id"]] for e in part.ignored] * 2
    assert len({each["image_id"] for each in joined.ignored}) == 4
    assert [each["iscrowd"] for each in joined.ignored] == [1, 0, 1, 0]
    assert [each["id"] for each in part.ignored] == [50, 51], "the parts are as they were"


def test_weights_multiply(tiny_coco, other):
    inner = {"type": "CombinedDataset", "datasets": [tiny_coco.cfg, other], "sample_ratio_factor": [1, 0.5]}
    joined = CombinedDataset([inner, tiny_coco.cfg], sample_ratio_factor=[3, 2])
    assert joined.weights.tolist() == [3] * 6 + [1.5] * 6 + [2] * 6
    assert CombinedDataset([inner, tiny_coco.cfg]).weights.tolist() == [1] * 6 + [0.5] * 6 + [1] * 6
    assert joined.subset([17, 6, 0]).weights.tolist() == [2, 1.5, 3]
    assert joined.subset(images=[2, 9]).weights.tolist() == [3, 1.5]


def test_groups_stay_apart(tiny_coco):
    grouped = {**tiny_coco.cfg, "group_by": "video"}
    joined = CombinedDataset([grouped, grouped, tiny_coco.cfg])
    assert len(set(joined.groups.tolist())) == 2 + 2 + 6
    assert len(set(CombinedDataset([grouped, tiny_coco.cfg], group_by="folder").groups.tolist())) == 2 + 3
    train, val = build_datasets(
        {
            "train": {"type": "CombinedDataset", "datasets": [tiny_coco.cfg] * 2, "sample_ratio_factor": [1, 2]},
            "val": {"split": 0.5, "group_by": "video"},
        }
    )[:2]
    assert len(set(train.groups.tolist())) == len(set(val.groups.tolist())) == 2
    assert sorted([*train.weights, *val.weights]) == [1] * 6 + [2] * 6


def test_detections_beside_labelled_boxes(tiny_coco, other, tmp_path):
    box = {"image_id": 4, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
    (tmp_path / "boxes.json").write_text(json.dumps([box]))
    joined = CombinedDataset([{**tiny_coco.cfg, "bbox_file": str(tmp_path / "boxes.json")}, other])
    assert joined.box_scores.tolist() == [0.5] + [1] * 6
    assert joined.truth.image_ids.tolist() == joined.image_ids.tolist()
    assert joined.truth.paths == joined.paths
    assert joined.truth.box_scores is None
    expected = CombinedDataset([tiny_coco.cfg, other])
    np.testing.assert_array_equal(joined.truth.keypoints, expected.keypoints)
    np.testing.assert_array_equal(joined.truth.image_index, expected.image_index)
    assert joined.to_coco() == expected.to_coco()


def test_what_not_all_know_is_left_out(tiny_coco, other):
    content = json.loads(Path(other["ann_file"]).read_text())
    for i, each in enumerate(content["annotations"]):
        each["head_size"] = float(i)
    for image in content["images"]:
        image["crowdIndex"] = 0.5
        del image["width"]
    with open(other["ann_file"], "w") as file:
        json.dump(content, file)
    joined = CombinedDataset([tiny_coco.cfg, other])
    assert joined.sizes is joined.head_size is joined.crowd_index is None
    joined = CombinedDataset([other, other])
    assert joined.head_size.tolist() == [1, 2, 3, 4, 5, 6] * 2
    assert joined.crowd_index.tolist() == [0.5] * 12


def test_the_keypoints_are_told(tiny_coco, other):
    cfg = {"type": "CombinedDataset", "datasets": [{**tiny_coco.cfg, "sigmas": 0.3}, other]}
    assert dataset_info(cfg) == CombinedDataset(cfg["datasets"]).info
    assert dataset_info(cfg).sigmas == (0.3,) * 3
    wrong = {**cfg, "datasets": [tiny_coco.cfg, {**other, "names": ["nose", "a", "b"]}]}
    for use in (dataset_info, lambda each: build_dataset({"train": each, "val": tiny_coco.cfg}, "train")):
        with pytest.raises(RayPoseError, match=r"datasets\.0 and datasets\.1 must have the same keypoints.*nose, a, b"):
            use(wrong)


def test_all_take_what_the_data_section_says(tiny_coco):
    content = {**tiny_coco.content, "images": [*tiny_coco.content["images"][:5], {"id": 6, "file_name": "gone.png"}]}
    with open(tiny_coco.ann_file, "w") as file:
        json.dump(content, file)
    data = {"train": {"type": "CombinedDataset", "datasets": [tiny_coco.cfg] * 2}, "val": tiny_coco.cfg}
    with pytest.raises(RayPoseError, match=r"gone\.png"):
        build_dataset(data, "train")
    assert len(build_dataset({**data, "on_bad_sample": "skip"}, "train")) == 10


@pytest.mark.parametrize(
    ("datasets", "factors", "words"),
    [
        ([], None, "at least one"),
        ([{}, {}], [1], "2 positive numbers"),
        ([{}], [0], "1 positive numbers"),
        ([{}], None, "mapping with a 'type'"),
        ([None], None, "mapping with a 'type'"),
        ([{"type": "CocoKeypoint"}], None, "did you mean 'CocoKeypoints'"),
    ],
)
def test_mistakes(datasets, factors, words):
    with pytest.raises(RayPoseError, match=words):
        CombinedDataset(datasets, factors)
