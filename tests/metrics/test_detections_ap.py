"""AP of poses in a detector's boxes, against MMPose's rules as loops and pycocotools."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from raypose.data import CocoKeypoints
from raypose.errors import RayPoseError
from raypose.metrics import CocoAP, check, coco_results, evaluate
from raypose.metrics.oks import oks_nms

MAIN = CocoAP.names


def detected(truth, rng, spare=1.5):
    """A table of boxes near the labelled ones, some of which come twice, and a part of which is missing."""
    rows = np.sort(rng.choice(len(truth), int(len(truth) * spare)))
    return replace(
        truth,
        image_index=truth.image_index[rows],
        bbox=truth.bbox[rows] + rng.normal(size=(len(rows), 4)).astype(np.float32) * 0.01,
        keypoints=np.zeros_like(truth.keypoints[rows]),
        area=truth.area[rows],
        ids=np.arange(len(rows)) + 1,
        ignored=[],
        box_scores=rng.uniform(0.1, 1, len(rows)).astype(np.float32),
        truth=truth,
    ), rows


def poses(truth, rows, rng, noise=0.04):
    size = np.sqrt(truth.area[rows])[:, None, None] * noise * rng.exponential(size=(len(rows), 1, 1))
    keypoints = truth.keypoints[rows, :, :2] + rng.normal(size=(len(rows), truth.keypoints.shape[1], 2)) * size
    return keypoints.astype(np.float32), rng.uniform(size=keypoints.shape[:2]).astype(np.float32) ** 2


def loop_score(box, keypoints, thr=0.2):
    total, count = 0.0, 0
    for score in keypoints.tolist():
        if score > thr:
            total, count = total + score, count + 1
    return box * total / count if count else 0.0


def loop_oks(a, b, area_a, area_b, sigmas):
    terms = []
    for (xa, ya), (xb, yb), sigma in zip(a.tolist(), b.tolist(), sigmas, strict=True):
        terms.append(math.exp(-((xa - xb) ** 2 + (ya - yb) ** 2) / (2 * sigma) ** 2 / ((area_a + area_b) / 2) / 2))
    return sum(terms) / len(terms)


def loop_nms(image, keypoints, areas, scores, sigmas, thr):
    kept = []
    for i in sorted(range(len(image)), key=lambda i: -scores[i]):
        rivals = [j for j in kept if image[j] == image[i]]
        if all(loop_oks(keypoints[i], keypoints[j], areas[i], areas[j], sigmas) <= thr for j in rivals):
            kept.append(i)
    return sorted(kept)


def by_loops(table, keypoints, scores, thr=0.9):
    """COCO results of what is left, with MMPose's scores."""
    sure = [loop_score(float(table.box_scores[i]), scores[i]) for i in range(len(table))]
    areas = [float(w) * float(h) for _, _, w, h in table.bbox.tolist()]
    kept = loop_nms(table.image_index, keypoints.astype(float), areas, sure, table.info.sigmas, thr)
    return kept, [
        {
            "image_id": int(table.image_ids[table.image_index[i]]),
            "category_id": 1,
            "keypoints": [float(v) for point in keypoints[i] for v in (*point, 1)],
            "score": sure[i],
        }
        for i in kept
    ]


@pytest.mark.parametrize("seed", range(3))
def test_scores_and_suppression_are_mmposes(generated, reference, seed):
    rng = np.random.default_rng(seed)
    truth = generated(rng, images=15)
    table, rows = detected(truth, rng)
    keypoints, scores = poses(truth, rows, rng)
    scores[:3] = 0.1
    kept, results = by_loops(table, keypoints, scores)
    assert 0.5 * len(table) < len(kept) < 0.95 * len(table)
    assert any(result["score"] == 0 for result in results)
    expected = reference(truth.to_coco(), results, truth.info.sigmas)
    assert 0.05 < expected["AP"] < 0.95
    assert CocoAP()(table, keypoints, scores) == pytest.approx({name: expected[name] for name in MAIN}, abs=1e-9)


def test_on_coco(data_root, reference):
    path = data_root / "coco-mini/annotations/person_keypoints_val2017.json"
    rng = np.random.default_rng(0)
    truth = CocoKeypoints(ann_file=str(path), img_prefix=str(data_root / "coco-mini/val2017"))
    table, rows = detected(truth, rng)
    keypoints, scores = poses(truth, rows, rng)
    expected = reference(json.loads(path.read_text()), by_loops(table, keypoints, scores)[1])
    assert CocoAP()(table, keypoints, scores) == pytest.approx({name: expected[name] for name in MAIN}, abs=1e-9)
    written = reference(json.loads(path.read_text()), coco_results(table, keypoints, scores))
    assert written["AP"] == pytest.approx(expected["AP"], abs=2e-3)  # coordinates are rounded


@pytest.mark.parametrize("thr", [0.3, 0.5, 0.9])
def test_suppression_equals_a_loop(thr):
    rng = np.random.default_rng(1)
    image, centers = rng.integers(0, 5, 60), rng.uniform(0, 100, (4, 6, 2))
    keypoints = centers[rng.integers(0, 4, 60)] + rng.normal(size=(60, 6, 2)) * 1.5
    areas, scores, sigmas = rng.uniform(500, 5000, 60), rng.uniform(size=60), np.linspace(0.03, 0.1, 6)
    expected = loop_nms(image, keypoints, areas, scores, sigmas, thr)
    assert 5 < len(expected) < 55
    assert np.flatnonzero(oks_nms(image, keypoints, areas, scores, sigmas, thr)).tolist() == expected


def test_modes(generated):
    rng = np.random.default_rng(3)
    table, rows = detected(generated(rng), rng)
    keypoints, scores = poses(table.truth, rows, rng)
    box, mean = table.box_scores.astype(float), scores.mean(1, dtype=float)
    expected = {"bbox": box, "keypoint": mean, "bbox_rle": box + mean + scores.max(1)}
    for mode, values in expected.items():
        sure, counts = CocoAP(score_mode=mode, nms_mode="none").ranked(table, keypoints, scores)
        assert sure == pytest.approx(values)
        assert counts.all()
    higher, _ = CocoAP(keypoint_score_thr=0.5).ranked(table, keypoints, scores)
    assert higher == pytest.approx([loop_score(b, s, 0.5) for b, s in zip(box, scores, strict=True)])
    counted = [CocoAP(nms_thr=thr).ranked(table, keypoints, scores)[1].sum() for thr in (0.5, 0.9, 0.99)]
    assert counted == sorted(counted)
    assert counted[0] < counted[2]


def test_labelled_boxes_are_neither_rescored_nor_suppressed(generated):
    rng = np.random.default_rng(3)
    table = generated(rng)
    keypoints, scores = poses(table, np.arange(len(table)), rng)
    sure, counts = CocoAP().ranked(table, np.zeros_like(keypoints), scores)
    assert sure == pytest.approx(scores.mean(1, dtype=float))
    assert counts.all()
    assert not CocoAP(nms_mode="oks_nms").ranked(table, np.zeros_like(keypoints), scores)[1].all()


def test_what_nothing_was_detected_of_is_missed(generated):
    rng = np.random.default_rng(0)
    truth = generated(rng, images=10)
    table, rows = detected(truth, rng)
    some = table.image_index < 5
    few = replace(
        table,
        **{
            name: getattr(table, name)[some]
            for name in ("image_index", "bbox", "keypoints", "area", "ids", "box_scores")
        },
    )
    keypoints = truth.keypoints[rows, :, :2]
    assert CocoAP()(table, keypoints, np.ones(keypoints.shape[:2]))["AR"] > 0.6
    assert 0.2 < CocoAP()(few, keypoints[some], np.ones((some.sum(), 4)))["AR"] < 0.5


def test_results_are_what_counts(generated):
    rng = np.random.default_rng(0)
    truth = generated(rng)
    table, rows = detected(truth, rng)
    keypoints, scores = poses(truth, rows, rng)
    kept, expected = by_loops(table, keypoints, scores)
    results = coco_results(table, keypoints, scores)
    assert [each["annotation_id"] for each in results] == table.ids[kept].tolist()
    for found, each, row in zip(results, expected, kept, strict=True):
        assert (found["image_id"], found["category_id"]) == (each["image_id"], 1)
        assert found["score"] == pytest.approx(each["score"], abs=1e-5)
        assert found["keypoints"][:3] == pytest.approx([*keypoints[row, 0], scores[row, 0]], abs=6e-4)
    assert json.loads(json.dumps(results)) == results
    assert len(coco_results(truth, truth.keypoints[..., :2], truth.keypoints[..., 2])) == len(truth)


def test_metrics_of_labelled_boxes_refuse_a_detectors(generated):
    rng = np.random.default_rng(0)
    truth = generated(rng)
    table, rows = detected(truth, rng)
    keypoints, scores = poses(truth, rows, rng)
    for cfg in ({"type": "PCK"}, {"type": "EPE"}, {"type": "AUC"}, {"type": "NME"}, {"type": "PCKh"}):
        with pytest.raises(RayPoseError, match="but the boxes are a detector's; leave it out, or take the labelled"):
            evaluate([cfg], table, keypoints, scores)
        with pytest.raises(RayPoseError, match="but the boxes are a detector's"):
            check([cfg], table)
    with pytest.raises(RayPoseError) as caught:
        check([{"type": "CocoAP"}, {"type": "PCK"}, {"type": "EPE"}], table)
    assert len(caught.value.problems) == 2
    check([{"type": "CocoAP"}], table)


def test_other_images_than_the_labels_have(generated):
    rng = np.random.default_rng(0)
    table, rows = detected(generated(rng), rng)
    keypoints, scores = poses(table.truth, rows, rng)
    with pytest.raises(RayPoseError, match="a table must have the same images as its `truth`"):
        CocoAP()(replace(table, image_ids=table.image_ids + 1), keypoints, scores)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"score_mode": "box"}, "'score_mode' must be 'keypoint', 'bbox'"),
        ({"nms_mode": "soft"}, "'nms_mode' must be 'oks_nms' or 'none', but got 'soft'"),
    ],
)
def test_mistakes(arguments, text):
    with pytest.raises(RayPoseError, match=text):
        CocoAP(**arguments)
