from __future__ import annotations

import contextlib
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from raypose.data import CocoKeypoints, DatasetInfo, KeypointTable
from raypose.metrics import CocoAP


def noisy(table, rng, noise=0.03):
    """Predictions that are off by a part of the object's size, a different one for each object."""
    size = np.sqrt(table.area)[:, None, None] * noise * rng.exponential(size=(len(table), 1, 1))
    keypoints = table.keypoints[..., :2] + rng.normal(size=(*table.keypoints.shape[:2], 2)) * size
    return keypoints.astype(np.float32), rng.uniform(size=table.keypoints.shape[:2]).astype(np.float32)


def pycocotools(truth, table, keypoints, scores, sigmas=None):
    """The same from the reference implementation; `truth` is the path of an annotation file."""
    results = [
        {
            "image_id": int(table.image_ids[table.image_index[i]]),
            "category_id": 1,
            "keypoints": [float(v) for point in keypoints[i] for v in (*point, 1)],
            "score": float(scores[i].mean(dtype=np.float64)),
        }
        for i in range(len(table))
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO(str(truth))
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(results), "keypoints")
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ap, ap50, ap75, _, _, ar = evaluation.stats[:6]
    return {"AP": ap, "AP50": ap50, "AP75": ap75, "AR": ar}


def generated(rng, images=12, people=4, sigmas=(0.03, 0.05, 0.1, 0.2), first_id=1):
    """A table of objects with 4 keypoints, some not labelled, and a crowd and an object without keypoints."""
    index = np.repeat(np.arange(images), people)
    low, size = rng.uniform(0, 400, (len(index), 2)), rng.uniform(10, 200, (len(index), 2))
    bbox = np.concatenate([low, size], axis=1).astype(np.float32)
    points = low[:, None] + rng.uniform(size=(len(index), 4, 2)) * size[:, None]
    visible = rng.choice([0, 1, 2], size=(len(index), 4, 1), p=[0.2, 0.3, 0.5])
    visible[:, 0] = 2
    ids = np.arange(len(index)) + first_id
    ignored = {"category_id": 1, "bbox": [0, 0, 300, 300], "area": 9e4, "keypoints": [0] * 12, "num_keypoints": 0}
    return KeypointTable(
        paths=[f"{i}.jpg" for i in range(images)],
        image_index=index,
        bbox=bbox,
        keypoints=np.concatenate([points, visible], axis=-1).astype(np.float32),
        area=(bbox[:, 2] * bbox[:, 3] * 0.6).astype(np.float32),
        ids=ids,
        image_ids=np.arange(images) * 3 + 5,
        groups=np.arange(images),
        info=DatasetInfo(("a", "b", "c", "d"), (), sigmas, category="mouse"),
        ignored=[
            {**ignored, "id": int(ids[-1]) + 1, "image_id": 5, "iscrowd": 1},
            {**ignored, "id": int(ids[-1]) + 2, "image_id": 8, "iscrowd": 0},
        ],
    )


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_pycocotools_on_coco_with_crowds_and_people_without_keypoints(data_root, seed):
    truth = data_root / "coco-mini/annotations/person_keypoints_val2017.json"
    content = json.loads(truth.read_text())["annotations"]
    assert any(each["iscrowd"] for each in content)
    assert any(not each["iscrowd"] and each["num_keypoints"] == 0 for each in content)
    table = CocoKeypoints(ann_file=str(truth), img_prefix=str(data_root / "coco-mini/val2017"))
    keypoints, scores = noisy(table, np.random.default_rng(seed), noise=0.02 * (seed + 1))
    expected = pycocotools(truth, table, keypoints, scores)
    assert 0.05 < expected["AP"] < 0.99
    assert CocoAP()(table, keypoints, scores) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_pycocotools_with_4_keypoints_and_sigmas_of_their_own(tmp_path, seed):
    rng = np.random.default_rng(seed)
    table = generated(rng)
    (tmp_path / "truth.json").write_text(json.dumps(table.to_coco()))
    keypoints, scores = noisy(table, rng, noise=0.1)
    expected = pycocotools(tmp_path / "truth.json", table, keypoints, scores, table.info.sigmas)
    assert 0.05 < expected["AP"] < 0.99
    assert CocoAP()(table, keypoints, scores) == pytest.approx(expected, abs=5e-5)
    other = replace(table, info=replace(table.info, sigmas=(0.01,) * 4))
    assert CocoAP()(other, keypoints, scores)["AP"] < expected["AP"] - 0.05


def test_perfect_predictions_give_1_and_far_ones_0_as_python_floats(capfd):
    table = generated(np.random.default_rng(0))
    scores = np.ones(table.keypoints.shape[:2], np.float32)
    perfect = CocoAP()(table, table.keypoints[..., :2], scores)
    assert perfect == pytest.approx({"AP": 1, "AP50": 1, "AP75": 1, "AR": 1})
    assert all(type(value) is float for value in perfect.values())
    assert tuple(perfect) == CocoAP.names
    assert CocoAP()(table, table.keypoints[..., :2] + 5000, scores) == {"AP": 0, "AP50": 0, "AP75": 0, "AR": 0}
    assert capfd.readouterr() == ("", "")


def test_the_id_0_counts_too():
    table = generated(np.random.default_rng(0), images=1, people=1, first_id=0)
    table = replace(table, ignored=[])
    assert CocoAP()(table, table.keypoints[..., :2], np.ones((1, 4), np.float32))["AP"] == pytest.approx(1)


def test_predictions_that_are_no_numbers_count_as_missed():
    table = generated(np.random.default_rng(0))
    scores = np.ones(table.keypoints.shape[:2], np.float32)
    broken = np.full_like(table.keypoints[..., :2], np.nan)
    assert CocoAP()(table, broken, scores * np.nan) == {"AP": 0, "AP50": 0, "AP75": 0, "AR": 0}
    half = table.keypoints[..., :2].copy()
    half[::2] = np.inf
    assert 0.3 < CocoAP()(table, half, scores)["AP"] < 0.6


def test_with_nothing_to_find_it_is_nan():
    table = generated(np.random.default_rng(0))
    unlabelled = replace(table, keypoints=table.keypoints * [1, 1, 0])
    scores = np.ones(table.keypoints.shape[:2], np.float32)
    for nothing in (unlabelled, table.subset(np.zeros(len(table), bool))):
        values = CocoAP()(nothing, nothing.keypoints[..., :2], scores[: len(nothing)])
        assert all(math.isnan(value) for value in values.values())


def test_it_leaves_the_table_alone():
    table = generated(np.random.default_rng(0))
    before = json.dumps(table.to_coco())
    CocoAP()(table, *noisy(table, np.random.default_rng(1)))
    assert json.dumps(table.to_coco()) == before
