from __future__ import annotations

import contextlib
import dataclasses
import io
import json

import numpy as np
import pytest

from raypose.data import CocoKeypoints
from raypose.data.table import BY_IMAGE, BY_INSTANCE
from raypose.errors import RayPoseError


@pytest.fixture
def table(tiny_coco):
    return CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, group_by="folder")


def coco_mini(data_root, split="train"):
    root = data_root / "coco-mini"
    return CocoKeypoints(str(root / f"annotations/person_keypoints_{split}2017.json"), str(root / f"{split}2017"))


@pytest.mark.parametrize("chosen", [[4, 1], np.array([False, True, False, False, True, False])])
def test_subset_of_instances(table, chosen):
    part = table.subset(chosen)
    rows = np.arange(6)[np.asarray(chosen)]
    np.testing.assert_array_equal(part.keypoints, table.keypoints[rows])
    assert [part.paths[i] for i in part.image_index] == [table.paths[i] for i in rows]
    assert part.image_ids.tolist() == [2, 5]
    assert part.groups.tolist() == ["clip0", "clip2"]


def test_subset_of_images_takes_everybody_in_them(data_root):
    table = coco_mini(data_root)
    image = int(np.bincount(table.image_index).argmax())
    part = table.subset(images=[image])
    assert len(part) == np.bincount(table.image_index).max() > 1
    assert part.paths == [table.paths[image]]
    assert {each["image_id"] for each in part.ignored} <= {table.image_ids[image]}


def test_split_keeps_groups_together_and_depends_on_the_seed(table):
    for seed in range(8):
        train, val = table.split(0.34, seed=seed)
        assert not set(train.groups) & set(val.groups)
        assert len(train) + len(val) == 6
        assert len(val) == 2
    assert len({tuple(table.split(0.34, seed=seed)[1].image_ids) for seed in range(8)}) == 3


def test_split_keeps_images_together(data_root):
    train, val = coco_mini(data_root).split(0.25, seed=3)
    assert not set(train.image_ids) & set(val.image_ids)
    assert len(train) + len(val) == 86
    assert abs(len(val) - 0.25 * 86) <= 7  # the largest image has 13 people


@pytest.mark.parametrize(("fraction", "groups", "rule"), [(0, None, "split-range"), (0.5, [1] * 6, "split-groups")])
def test_impossible_splits(table, fraction, groups, rule):
    with pytest.raises(RayPoseError) as error:
        table.split(fraction, groups=groups)
    assert error.value.problems[0].rule == rule


def test_to_coco_is_what_pycocotools_reads(data_root):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    table = coco_mini(data_root).subset(images=range(20))
    rng = np.random.default_rng(0)
    noisy = table.keypoints[:, :, :2] + rng.normal(0, 3, (len(table), 17, 2))
    results = [
        {"image_id": int(table.image_ids[image]), "category_id": 1, "score": float(rng.random()),
         "keypoints": np.column_stack([points, np.ones(17)]).ravel().tolist()}
        for image, points in zip(table.image_index, noisy, strict=True)
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        ours = COCO()
        ours.dataset = table.to_coco()
        ours.createIndex()
        original = COCO(data_root / "coco-mini/annotations/person_keypoints_train2017.json")
        stats = []
        for truth in (ours, original):
            evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
            evaluation.params.imgIds = table.image_ids.tolist()
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            stats.append(evaluation.stats)
    np.testing.assert_allclose(stats[0], stats[1], atol=1e-6)
    assert 0.3 < stats[0][0] < 1
    assert len(ours.getAnnIds(iscrowd=True)) > 0
    assert not any("ignore" in each for each in table.ignored), "an evaluation writes into its own copies"


def test_parts_take_every_array(table):
    """A part has the values of its own instances and images in all arrays that there are, and in its truth."""
    names = {each.name for each in dataclasses.fields(table)}
    assert names == {*BY_INSTANCE, *BY_IMAGE, "paths", "image_index", "info", "ignored", "truth"}
    whole = dataclasses.replace(
        table,
        **{name: np.arange(6) * 10 for name in BY_INSTANCE if getattr(table, name) is None},
        **{name: np.arange(6) * 10 for name in BY_IMAGE if getattr(table, name) is None},
    )
    detected = dataclasses.replace(whole, ids=whole.ids + 100, truth=whole)
    part = detected.subset([4, 1])
    for name in BY_INSTANCE:
        np.testing.assert_array_equal(getattr(part, name), getattr(detected, name)[[4, 1]])
        np.testing.assert_array_equal(getattr(part.truth, name), getattr(whole, name)[[1, 4]])
    for each in (part, part.truth):
        assert each.paths == [table.paths[1], table.paths[4]]
        for name in BY_IMAGE:
            np.testing.assert_array_equal(getattr(each, name), getattr(whole, name)[[1, 4]])


def test_to_coco_reads_back(table, tmp_path):
    more = dataclasses.replace(table, head_size=np.arange(6) + 0.5, crowd_index=np.linspace(0, 1, 6))
    (tmp_path / "written.json").write_text(json.dumps(more.to_coco()))
    again = CocoKeypoints(str(tmp_path / "written.json"), "/", group_by="folder")
    for name in {*BY_INSTANCE, *BY_IMAGE, "image_index"} - {"groups"}:
        np.testing.assert_array_equal(getattr(again, name), getattr(more, name))
    assert (again.paths, again.info) == (table.paths, table.info)
