from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from raypose.data import CocoKeypoints
from raypose.metrics import CocoAP


def main(values):
    return {name: values[name] for name in CocoAP.names}


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_pycocotools_on_coco_with_crowds_and_people_without_keypoints(data_root, seed, noisy, pycocotools):
    truth = data_root / "coco-mini/annotations/person_keypoints_val2017.json"
    content = json.loads(truth.read_text())["annotations"]
    assert any(each["iscrowd"] for each in content)
    assert any(not each["iscrowd"] and each["num_keypoints"] == 0 for each in content)
    table = CocoKeypoints(ann_file=str(truth), img_prefix=str(data_root / "coco-mini/val2017"))
    keypoints, scores = noisy(table, np.random.default_rng(seed), noise=0.02 * (seed + 1))
    expected = pycocotools(truth, table, keypoints, scores)
    assert 0.05 < expected["AP"] < 0.99
    assert CocoAP()(table, keypoints, scores) == pytest.approx(main(expected), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_pycocotools_with_4_keypoints_and_sigmas_of_their_own(tmp_path, seed, generated, noisy, pycocotools):
    rng = np.random.default_rng(seed)
    table = generated(rng)
    (tmp_path / "truth.json").write_text(json.dumps(table.to_coco()))
    keypoints, scores = noisy(table, rng, noise=0.1)
    expected = pycocotools(tmp_path / "truth.json", table, keypoints, scores, table.info.sigmas)
    assert 0.05 < expected["AP"] < 0.99
    assert CocoAP()(table, keypoints, scores) == pytest.approx(main(expected), abs=1e-9)
    other = replace(table, info=replace(table.info, sigmas=(0.01,) * 4))
    assert CocoAP()(other, keypoints, scores)["AP"] < expected["AP"] - 0.05


@pytest.mark.parametrize("seed", range(3))
def test_details_equal_pycocotools(tmp_path, seed, generated, noisy, pycocotools):
    rng = np.random.default_rng(seed)
    table = generated(rng, images=20)
    (tmp_path / "truth.json").write_text(json.dumps(table.to_coco()))
    keypoints, scores = noisy(table, rng, noise=0.1)
    expected = pycocotools(tmp_path / "truth.json", table, keypoints, scores, table.info.sigmas)
    metric = CocoAP(details=True)
    found = metric(table, keypoints, scores)
    assert tuple(found) == metric.names
    assert found == pytest.approx(expected, abs=1e-9)
    assert found["APM"] != pytest.approx(found["APL"], abs=1e-3)
    assert found["AR50"] != pytest.approx(found["AR75"], abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_equal_scores_and_more_than_20_in_an_image_count_as_in_pycocotools(
    tmp_path, seed, generated, noisy, pycocotools
):
    rng = np.random.default_rng(seed)
    table = generated(rng, images=6, people=30)
    order = rng.permutation(6)  # the images of the table are not in the order of their ids
    table = replace(table, image_ids=table.image_ids[order], image_index=rng.permutation(table.image_index))
    (tmp_path / "truth.json").write_text(json.dumps(table.to_coco()))
    keypoints, scores = noisy(table, rng, noise=0.1)
    scores = np.round(scores[:, :1] * 3) * np.ones(4)
    expected = pycocotools(tmp_path / "truth.json", table, keypoints, scores, table.info.sigmas)
    assert CocoAP()(table, keypoints, scores) == pytest.approx(main(expected), abs=1e-9)


def test_values_per_keypoint_are_those_of_a_file_in_which_no_other_is_labelled(tmp_path, generated, noisy, pycocotools):
    rng = np.random.default_rng(0)
    table = generated(rng, images=20)
    keypoints, scores = noisy(table, rng, noise=0.1)
    found = CocoAP().per_keypoint(table, keypoints, scores)
    assert list(found) == ["AP"]
    for k in range(4):
        only = table.keypoints.copy()
        only[:, [i for i in range(4) if i != k], 2] = 0
        (tmp_path / f"{k}.json").write_text(json.dumps(replace(table, keypoints=only).to_coco()))
        expected = pycocotools(tmp_path / f"{k}.json", table, keypoints, scores, table.info.sigmas)["AP"]
        assert found["AP"][k] == pytest.approx(expected, abs=1e-9)
    assert np.ptp(found["AP"]) > 0.1


def test_perfect_predictions_give_1_and_far_ones_0_as_python_floats(capfd, generated):
    table = generated(np.random.default_rng(0))
    scores = np.ones(table.keypoints.shape[:2], np.float32)
    perfect = CocoAP()(table, table.keypoints[..., :2], scores)
    assert perfect == pytest.approx({"AP": 1, "AP50": 1, "AP75": 1, "AR": 1})
    assert all(type(value) is float for value in perfect.values())
    assert tuple(perfect) == CocoAP.names
    assert CocoAP()(table, table.keypoints[..., :2] + 5000, scores) == {"AP": 0, "AP50": 0, "AP75": 0, "AR": 0}
    assert capfd.readouterr() == ("", "")


def test_the_id_0_counts_too(generated):
    table = generated(np.random.default_rng(0), images=1, people=1, first_id=0)
    table = replace(table, ignored=[])
    assert CocoAP()(table, table.keypoints[..., :2], np.ones((1, 4), np.float32))["AP"] == pytest.approx(1)


def test_predictions_that_are_no_numbers_count_as_missed(generated):
    table = generated(np.random.default_rng(0))
    scores = np.ones(table.keypoints.shape[:2], np.float32)
    broken = np.full_like(table.keypoints[..., :2], np.nan)
    assert CocoAP()(table, broken, scores * np.nan) == {"AP": 0, "AP50": 0, "AP75": 0, "AR": 0}
    half = table.keypoints[..., :2].copy()
    half[::2] = np.inf
    assert 0.3 < CocoAP()(table, half, scores)["AP"] < 0.6


def test_with_nothing_to_find_it_is_nan(generated):
    table = generated(np.random.default_rng(0))
    unlabelled = replace(table, keypoints=table.keypoints * [1, 1, 0])
    scores = np.ones(table.keypoints.shape[:2], np.float32)
    for nothing in (unlabelled, table.subset(np.zeros(len(table), bool))):
        values = CocoAP()(nothing, nothing.keypoints[..., :2], scores[: len(nothing)])
        assert all(math.isnan(value) for value in values.values())


def test_it_leaves_the_table_alone(generated, noisy):
    table = generated(np.random.default_rng(0))
    before = json.dumps(table.to_coco())
    CocoAP()(table, *noisy(table, np.random.default_rng(1)))
    assert json.dumps(table.to_coco()) == before
