from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from faster_coco_eval import COCO as FasterCOCO
from faster_coco_eval import COCOeval_faster
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from raypose.data import CocoKeypoints, Subset, build_datasets, dataset_info
from raypose.errors import RayPoseError


@pytest.fixture
def coco(data_root):
    root = data_root / "coco-mini"
    cfg = {"ann_file": str(root / "annotations/person_keypoints_train2017.json"), "img_prefix": str(root / "train2017")}
    return {"type": "CocoKeypoints", **cfg}


def read(cfg):
    return CocoKeypoints(**{key: value for key, value in cfg.items() if key != "type"})


def test_how_many(coco):
    assert len(Subset(coco, fraction=0.25)) == round(0.25 * 86)
    assert len(Subset(coco, num_instances=7)) == 7
    assert len(Subset(coco, fraction=0.001)) == 1
    whole, table = Subset(coco, fraction=1.0), read(coco)
    assert whole.ids.tolist() == table.ids.tolist()
    assert whole.ignored == table.ignored


def test_who_depends_on_the_seed_alone(coco):
    ids = [set(Subset(coco, num_instances=20, seed=seed).ids.tolist()) for seed in (0, 0, 1, 2)]
    assert ids[0] == ids[1]
    assert len({frozenset(each) for each in ids}) == 3
    assert ids[0] < set(Subset(coco, fraction=0.5, seed=0).ids.tolist())


def test_rows_are_those_of_the_dataset(coco):
    part, table = Subset(coco, num_instances=20), read(coco)
    rows = [table.ids.tolist().index(id_) for id_ in part.ids]
    assert rows == sorted(rows)
    np.testing.assert_array_equal(part.keypoints, table.keypoints[rows])
    assert [part.paths[i] for i in part.image_index] == [table.paths[table.image_index[row]] for row in rows]


def figures(module, evaluator, table, results):
    """AP and AR of these results, as COCO lists them."""
    truth = module()
    truth.dataset = json.loads(json.dumps(table.to_coco()))
    truth.createIndex()
    evaluation = evaluator(truth, truth.loadRes(copy.deepcopy(results)), iouType="keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return np.array(evaluation.stats[:10], float)


EVALUATORS = [(COCO, COCOeval), (FasterCOCO, COCOeval_faster)]


def results_of(table, keypoints, scores):
    return [
        {"image_id": image, "category_id": 1, "score": float(score),
         "keypoints": np.column_stack([points, np.ones(len(points))]).ravel().tolist()}
        for image, points, score in zip(table.image_ids[table.image_index].tolist(), keypoints, scores, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_who_is_not_drawn_is_neither_missed_nor_wrong(coco, evaluator, capsys):
    part, table = Subset(coco, num_instances=15, seed=1), read(coco)
    others = table.subset(~np.isin(table.ids, part.ids))
    others = others.subset(np.isin(others.image_ids[others.image_index], part.image_ids))
    assert len(others) > 5
    perfect = results_of(part, part.keypoints[:, :, :2], np.full(15, 0.5))
    found = results_of(others, others.keypoints[:, :, :2], np.full(len(others), 0.9))
    np.testing.assert_allclose(figures(*evaluator, part, perfect), 1)
    # COCO's evaluation prefers who is not ignored, so that at one threshold one of them takes another's place.
    assert figures(*evaluator, part, perfect + found)[0] > 0.99
    assert figures(*evaluator, replace(part, ignored=[]), perfect + found)[0] < 0.7
    nothing = results_of(part, np.full((15, 17, 2), -1e4), np.full(15, 0.9))
    assert figures(*evaluator, part, perfect + nothing)[0] < 0.9


def test_images_of_a_dataset_with_detections(coco, tmp_path):
    table = read(coco)
    boxes = [
        {"image_id": image, "category_id": 1, "bbox": box, "score": 0.5}
        for image, box in zip(table.image_ids[table.image_index].tolist(), table.bbox.tolist(), strict=True)
        if image != table.image_ids[0]
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    detected = {**coco, "bbox_file": str(tmp_path / "boxes.json")}
    part, larger = Subset(detected, fraction=0.3), Subset(detected, num_instances=60)
    assert 26 <= len(part.truth) <= 26 + np.bincount(table.image_index).max()
    assert part.image_ids.tolist() == part.truth.image_ids.tolist()
    assert set(part.paths) < set(larger.paths)
    for each in (part, larger):
        for id_ in each.image_ids:
            assert (each.truth.image_ids[each.truth.image_index] == id_).sum() == (
                table.image_ids[table.image_index] == id_
            ).sum()
            if id_ != table.image_ids[0]:
                assert (each.image_ids[each.image_index] == id_).sum() == (
                    table.image_ids[table.image_index] == id_
                ).sum()
    assert len(Subset(detected, fraction=1.0).truth) == 86


def test_the_keypoints_are_told(tiny_coco):
    cfg = {"type": "Subset", "dataset": {**tiny_coco.cfg, "sigmas": 0.3}, "fraction": 0.5}
    assert dataset_info(cfg).sigmas == (0.3,) * 3
    train, val, _ = build_datasets({"train": {**cfg, "fraction": 1.0}, "val": {"split": 0.5, "group_by": "video"}})
    assert (len(set(train.groups)), len(set(val.groups))) == (1, 1)
    assert train.groups.tolist() != val.groups.tolist()


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({}, "either fraction or num_instances, but got None and None"),
        ({"fraction": 0.5, "num_instances": 3}, "either fraction or num_instances"),
        ({"fraction": 0.0}, "0 < fraction <= 1 must hold, but got 0"),
        ({"fraction": 1.5}, "0 < fraction <= 1 must hold"),
        ({"num_instances": 0}, "num_instances >= 1"),
        ({"num_instances": 7}, "num_instances <= 6, all there are, must hold, but got 7"),
        ({"num_instances": 1, "seed": -1}, "seed >= 0"),
    ],
)
def test_mistakes(tiny_coco, kwargs, words):
    with pytest.raises(RayPoseError, match=words):
        Subset(tiny_coco.cfg, **kwargs)
