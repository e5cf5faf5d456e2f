"""Boxes of a detector: the rows of the table, and that an evaluation counts what COCO's counts."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from raypose.data import CocoKeypoints, build_datasets
from raypose.data.info import dataset_info
from raypose.errors import RayPoseError

BOXES = [
    {"image_id": 1, "category_id": 1, "bbox": [10, 12, 30, 40], "score": 0.9},
    {"image_id": 1, "category_id": 1, "bbox": [11.5, 12, 30, 40.5], "score": 0.2},
    {"image_id": 4, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
    {"image_id": 4, "category_id": 9, "bbox": [1, 2, 3, 4], "score": 0.99},
]


def read(tiny_coco, tmp_path, boxes=BOXES, **kwargs):
    path = tmp_path / "boxes.json"
    path.write_text(boxes if isinstance(boxes, str) else json.dumps(boxes))
    return CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, bbox_file=str(path), **kwargs)


def test_rows_are_the_boxes_of_the_category(tiny_coco, tmp_path):
    table = read(tiny_coco, tmp_path)
    assert [(table.image_ids[i], *box) for i, box in zip(table.image_index, table.bbox.tolist(), strict=True)] == [
        (each["image_id"], *each["bbox"]) for each in BOXES[:3]
    ]
    np.testing.assert_allclose(table.box_scores, [0.9, 0.2, 0.5])
    np.testing.assert_allclose(table.area, [1200, 1215, 12])
    assert table.ids.tolist() == [1, 2, 3]
    assert table.keypoints.shape == (3, 3, 3)
    assert not table.keypoints.any()


def test_truth_is_what_is_labelled(tiny_coco, tmp_path):
    table, labelled = read(tiny_coco, tmp_path), CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix)
    np.testing.assert_array_equal(table.truth.keypoints, labelled.keypoints)
    assert table.truth.paths == table.paths == labelled.paths
    assert table.to_coco() == labelled.to_coco()


def test_threshold(tiny_coco, tmp_path):
    assert read(tiny_coco, tmp_path, det_bbox_thr=0.5).box_scores.tolist() == pytest.approx([0.9, 0.5])
    with pytest.raises(RayPoseError, match=r"the 3 boxes of the category score less than 0\.95"):
        read(tiny_coco, tmp_path, det_bbox_thr=0.95)


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ("{", ["boxes.json:1:2: not JSON"]),
        ({"images": []}, ["must be a list of {image_id, category_id, bbox, score}", "ann_file"]),
        ([3], ["must be a list"]),
        ([{**BOXES[0], "category_id": 2}], ["no box of the category"]),
        ([], ["no box of the category"]),
        ([BOXES[0], {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}], ["score", "lack some: 1"]),
        ([{**BOXES[0], "image_id": 70 + i} for i in range(7)], ["does not list images 70, 71, 72, 73, 74, ... (7 in"]),
        ([BOXES[0], {**BOXES[0], "bbox": [1, 2, 3]}, {**BOXES[0], "bbox": [1, 2, 0, 4]}], ["4 numbers", "1, 2"]),
        ([{**BOXES[0], "bbox": [1, 2, 3, float("nan")]}], ["4 numbers", "entries (from 0) 0"]),
        ([{**BOXES[0], "score": "high"}], ["score must be a number"]),
    ],
)
def test_bad_files(tiny_coco, tmp_path, boxes, words):
    with pytest.raises(RayPoseError) as error:
        read(tiny_coco, tmp_path, boxes)
    for word in ["boxes.json", *words]:
        assert word in str(error.value)


def test_a_missing_file(tiny_coco):
    with pytest.raises(RayPoseError, match="cannot read the detections file: No such file"):
        CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, bbox_file="none.json")


def test_boxes_in_images_that_are_left_out(tiny_coco, tmp_path):
    (Path(tiny_coco.img_prefix) / tiny_coco.content["images"][0]["file_name"]).unlink()
    table = read(tiny_coco, tmp_path, on_bad_sample="skip")
    assert table.image_ids.tolist() == [2, 3, 4, 5, 6]
    assert table.bbox.tolist() == [[1, 2, 3, 4]]


def test_boxes_are_not_learnt_from(tiny_coco, tmp_path):
    read(tiny_coco, tmp_path)
    detected = {**tiny_coco.cfg, "bbox_file": str(tmp_path / "boxes.json")}
    _, val, _ = build_datasets({"train": tiny_coco.cfg, "val": detected})
    assert len(val) == 3
    for data in ({"train": detected, "val": tiny_coco.cfg}, {"train": detected, "val": {"split": 0.5}}):
        with pytest.raises(RayPoseError, match="nothing to learn from"):
            build_datasets(data)


def test_parts_keep_the_truth_of_their_images(tiny_coco, tmp_path):
    table = read(tiny_coco, tmp_path)
    chosen = table.subset(images=[0, 2])  # nothing is found in the second
    assert chosen.image_ids.tolist() == chosen.truth.image_ids.tolist() == [1, 3]
    assert (len(chosen), len(chosen.truth)) == (2, 2)
    chosen = table.subset([2, 0])
    assert chosen.box_scores.tolist() == pytest.approx([0.5, 0.9])
    assert chosen.image_ids.tolist() == chosen.truth.image_ids.tolist() == [1, 4]
    assert chosen.truth.ids.tolist() == [1, 4]
    halves = table.split(0.5)
    assert sorted(id_ for half in halves for id_ in half.truth.ids) == [1, 2, 3, 4, 5, 6]


@pytest.fixture
def emptied(data_root, tmp_path):
    """coco-mini's validation set: nobody is labelled in every fifth image, and no annotation is in every seventh."""
    root = data_root / "coco-mini"
    content = json.loads((root / "annotations/person_keypoints_val2017.json").read_text())
    empty = {image["id"] for image in content["images"][::7]}
    unlabelled = {image["id"] for image in content["images"][::5]}
    content["annotations"] = [each for each in content["annotations"] if each["image_id"] not in empty]
    for each in content["annotations"]:
        if each["image_id"] in unlabelled:
            each |= {"keypoints": [0] * 51, "num_keypoints": 0}
    content["categories"].append({"id": 3, "name": "car"})
    (tmp_path / "truth.json").write_text(json.dumps(content))
    return tmp_path / "truth.json", root / "val2017", content


def found_in(content, rng):
    """Detections of most people, crowds too, some of them twice, of what is nothing, and of cars."""
    found = []
    for each in content["annotations"] * 2:
        x, y, width, height = np.array(each["bbox"]) * rng.normal(1, 0.02, 4)
        if rng.random() < 0.7:
            found.append((each["image_id"], 1, [x, y, width, height]))
    for image in content["images"]:
        for category in (1, 1, 3):
            found.append((image["id"], category, [*rng.uniform(0, 300, 2), *rng.uniform(10, 200, 2)]))
    return [
        {"image_id": image, "category_id": category, "bbox": [float(v) for v in box], "score": float(rng.random())}
        for image, category, box in found
    ]


def keypoints_in(box, people, rng):
    """Those of the person whose box is nearest, with noise, or anything."""
    near = min(people, key=lambda each: np.abs(np.array(each["bbox"]) - box).sum(), default=None)
    if near is None or near["num_keypoints"] == 0:
        points = np.array(box[:2]) + rng.random((17, 2)) * box[2:]
    else:
        points = np.array(near["keypoints"]).reshape(17, 3)[:, :2] + rng.normal(0, 0.03 * max(box[2:]), (17, 2))
    return np.column_stack([points, np.ones(17)]).ravel().tolist()


def evaluated(truth, results):
    """COCO's figures, and how many objects and detections it compared."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.catIds = [1]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    images = [each for each in evaluation.evalImgs if each is not None and each["aRng"] == [0, 1e10]]
    objects = sum(int((1 - np.asarray(each["gtIgnore"])).sum()) for each in images)
    return evaluation.stats, objects, sum(len(each["dtIds"]) for each in images)


def test_an_evaluation_counts_what_cocos_counts(emptied, tmp_path):
    ann_file, folder, content = emptied
    rng = np.random.default_rng(0)
    boxes = found_in(content, rng)
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    table = CocoKeypoints(str(ann_file), str(folder), bbox_file=str(tmp_path / "boxes.json"), det_bbox_thr=0.1)

    in_image = {image["id"]: [] for image in content["images"]}
    for each in content["annotations"]:
        in_image[each["image_id"]].append(each)
    points = [keypoints_in(each["bbox"], in_image[each["image_id"]], rng) for each in boxes]
    theirs = [
        {key: each[key] for key in ("image_id", "category_id", "score")} | {"keypoints": found}
        for each, found in zip(boxes, points, strict=True)
        if each["score"] >= 0.1
    ]
    people = [each["keypoints"] for each in theirs if each["category_id"] == 1]
    ours = [
        {"image_id": image, "category_id": 1, "score": float(score), "keypoints": found}
        for image, score, found in zip(
            table.image_ids[table.image_index].tolist(), table.box_scores, people, strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        original, written = COCO(ann_file), COCO()
        written.dataset = table.to_coco()
        written.createIndex()
    expected, got = evaluated(original, theirs), evaluated(written, ours)
    np.testing.assert_allclose(got[0], expected[0], atol=1e-6)
    assert got[1:] == expected[1:]
    assert 0.1 < got[0][0] < 0.9
    # Where nobody is labelled, what is found is wrong, which a table of the other images would not know.
    labelled = {*table.truth.image_ids[table.truth.image_index].tolist()}
    fewer = evaluated(written, [each for each in ours if each["image_id"] in labelled])
    assert fewer[0][0] > got[0][0] + 0.01


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"bbox_file": "boxes.json", "det_bbox_thr": 2}, "nothing detected"),
        ({"group_by": "vidoe"}, "did you mean 'video'"),
    ],
)
def test_what_a_training_would_refuse_is_told_with_the_keypoints(said, message, tiny_coco, tmp_path):
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "score": 1}
    (tmp_path / "boxes.json").write_text(json.dumps([box]))
    if "bbox_file" in said:
        said = {**said, "bbox_file": str(tmp_path / "boxes.json")}
    with pytest.raises(RayPoseError, match=message):
        dataset_info({**tiny_coco.cfg, **said})
