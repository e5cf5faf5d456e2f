"""`raypose predict`: pictures and COCO results of files and folders, with and without boxes."""

import contextlib
import io
import json
import shutil
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import raypose
from raypose import RayPoseError
from raypose.cli import _predicting
from raypose.data.boxes_file import match, read_boxes
from raypose.data.image_files import find_images
from raypose.evaluation import evaluate
from raypose.metrics.ranking import pose_scores
from raypose.space import Space, dump
from raypose.training.run import Run
from raypose.trial import train


@pytest.fixture(scope="module")
def tiny(tiny_coco_in, tmp_path_factory):
    return tiny_coco_in(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    config = {
        "name": "tiny",
        "data": {"train": tiny.cfg, "val": tiny.cfg, "input_size": [32, 32], "store": False},
        "model": {
            "backbone": {"type": "HourglassNet", "num_stacks": 1, "downsample_times": 1, "feat_channel": 8,
                         "stage_blocks": 1},
            "keypoint_head": {"type": "HeatmapHead"},
        },
        "optimizer": {"type": "AdamW", "lr": 0.01},
        "training": {"epochs": 1, "batch_size": 2, "precision": "fp32"},
        "tune": {"metric": "EPE"},
    }  # fmt: skip
    (folder / "config.yaml").write_text(dump(config))
    train(Space.load(folder / "config.yaml").config(), Run(seed=0, dir=folder, report=lambda *_: None))
    return folder


def results(folder):
    return json.loads((Path(folder) / "predictions.json").read_text())


def test_the_boxes_of_an_annotation_file_give_what_evaluate_gives(cli, model, tiny, tmp_path):
    result = cli("predict", model, tiny.img_prefix, "--boxes", tiny.ann_file, "--threshold", 0)
    assert result.status == 0, result.err
    assert "6 instances in 6 images\nwrote predictions/predictions.json and the images in predictions" in result.out
    assert f"next: raypose evaluate {model}; raypose export {model}" in result.out
    found, truth = results("predictions"), evaluate(model).predictions
    assert [each["image_id"] for each in found] == [each["image_id"] for each in truth] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose([e["keypoints"] for e in found], [e["keypoints"] for e in truth], atol=2e-3)
    np.testing.assert_allclose([e["score"] for e in found], [e["score"] for e in truth], atol=1e-4)
    assert found[2]["file_name"] == "clip1/002.png"
    original, drawn = (cv2.imread(f"{at}/clip1/002.png") for at in (tiny.img_prefix, "predictions"))
    assert drawn.shape == original.shape
    assert (drawn != original).any()
    assert not list(tmp_path.rglob("*.tmp"))


def test_pycocotools_reads_the_results(cli, model, tiny):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    cli("predict", model, tiny.img_prefix, "--boxes", tiny.ann_file, "--no-images")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(tiny.ann_file)
        counted = COCOeval(truth, truth.loadRes("predictions/predictions.json"), "keypoints")
        counted.params.kpt_oks_sigmas = np.full(3, 0.05)
        counted.evaluate()
        counted.accumulate()
        counted.summarize()
    sizes = [each["area"] for each in truth.loadRes("predictions/predictions.json").dataset["annotations"]]
    assert len(sizes) == 6
    assert np.isfinite(counted.stats[0])


def test_without_boxes_an_image_is_one(cli, model, tiny):
    image = Path(tiny.img_prefix, "clip0", "000.png")
    result = cli("predict", model, image, "--no-images", "--json")
    told = json.loads(result.out)
    assert (told["images"], told["instances"], told["unreadable"]) == (1, 1, [])
    assert [path.name for path in Path("predictions").iterdir()] == ["predictions.json"]
    (entry,) = results("predictions")
    keypoints, scores = raypose.load(model).predict(image)
    np.testing.assert_allclose(np.reshape(entry["keypoints"], (3, 3))[:, :2], keypoints[0], atol=2e-3)
    assert entry["score"] == pytest.approx(scores.mean(), abs=1e-4)
    assert (entry["image_id"], entry["file_name"], entry["box"]) == (1, "000.png", [0, 0, 64, 64])


def test_a_detectors_boxes(cli, model, tiny):
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [8, 8, 40, 40], "score": score} for score in (0.9, 0.5, 0.1)]
    boxes.append({"image_id": 2, "bbox": [8, 8, 40, 40], "score": 0.2})
    Path("boxes.json").write_text(json.dumps(boxes))
    images = [Path(tiny.img_prefix, "clip0", name) for name in ("000.png", "001.png")]
    for place, image in zip(("000000000001.png", "2.png"), images, strict=True):
        shutil.copy(image, place)
    result = cli("predict", model, "000000000001.png", "2.png", "--boxes", "boxes.json", "--to", "out")
    assert result.status == 0, result.err
    found = results("out")
    assert [each["image_id"] for each in found] == [1, 1]  # the others score too low
    sure = [score for score in found[0]["keypoints"][2::3] if score > 0.2]
    assert [each["score"] for each in found] == pytest.approx([at * sum(sure) / max(len(sure), 1) for at in (0.9, 0.5)])
    expected = np.array([0.8 * (0.5 + 0.3) / 2, 0])
    np.testing.assert_allclose(pose_scores(np.array([[0.5, 0.1, 0.3], [0.1] * 3]), np.array([0.8, 0.9])), expected)
    assert Path("out/2.png").exists()


def test_images_of_one_name_in_two_folders_and_one_that_cannot_be_read(cli, model, tiny):
    for folder in ("a", "b"):
        Path(folder).mkdir()
        shutil.copy(Path(tiny.img_prefix, "clip0", "000.png"), Path(folder, "same.png"))
    Path("b/broken.jpg").write_bytes(b"no image")
    Path("b/.hidden.png").write_bytes(b"no image")
    result = cli("predict", model, "a", "b", "a/same.png", "--to", "out")
    assert result.status == 1
    assert "broken.jpg: cannot decode" in result.err
    assert "2 instances in 2 images" in result.out
    assert sorted(str(path) for path in Path("out").rglob("*.*")) == [
        "out/a/same.png",
        "out/b/same.png",
        "out/predictions.json",
    ]
    assert [each["file_name"] for each in results("out")] == ["a/same.png", "b/same.png"]


def test_what_is_written_is_no_input_of_the_next_time(cli, model, tiny):
    shutil.copy(Path(tiny.img_prefix, "clip0", "000.png"), "one.png")
    cli("predict", model, ".", "--to", "out")
    refused = cli("predict", model, ".", "--to", "out")
    assert refused.status == 2
    assert "the folder out is not empty; --force" in refused.err
    assert "1 instance in 1 image\n" in cli("predict", model, ".", "--to", "out", "--force").out
    refused = cli("predict", model, ".", "--to", ".", "--force")
    assert refused.status == 2
    assert "would replace the images themselves" in refused.err
    before = Path("one.png").read_bytes()
    assert "in predictions\n" in cli("predict", model, "one.png").out
    assert "in predictions-2\n" in cli("predict", model, "one.png").out
    assert Path("one.png").read_bytes() == before


def test_what_was_done_when_ctrl_c_came_is_kept(cli, model, tiny, monkeypatch):
    whole = _predicting.outcomes

    def interrupted(*args, **kwargs):
        yield from islice(whole(*args, **kwargs), 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(_predicting, "outcomes", interrupted)
    result = cli("predict", model, tiny.img_prefix)
    assert (result.status, result.err) == (130, "interrupted: predictions.json has the first 2 of 6 images\n")
    assert "wrote predictions/predictions.json" in result.out
    assert len(results("predictions")) == 2


def test_keypoints_that_are_not_drawn_are_told(cli, model, tiny):
    result = cli("predict", model, f"{tiny.img_prefix}/clip0", "--threshold", 99)
    assert "6 of 6 keypoints score below 99 and are not drawn (--threshold)" in result.out
    original, drawn = (cv2.imread(f"{at}/000.png") for at in (f"{tiny.img_prefix}/clip0", "predictions"))
    np.testing.assert_array_equal(original, drawn)


def test_wrong_turns(cli, model, tiny, tmp_path):
    (tmp_path / "empty").mkdir()
    missing = cli("predict", model, "no.png", "empty")
    assert missing.status == 2
    assert "no.png: no such image or folder" in missing.err
    assert "empty: no image in this folder; looked for *.bmp" in missing.err
    Path("other.json").write_text(json.dumps({**tiny.content, "images": [{"id": 1, "file_name": "other.png"}]}))
    unknown = cli("predict", model, tiny.img_prefix, "--boxes", "other.json")
    assert unknown.status == 2
    assert "none of the images is in the boxes file; it has other.png; the images are clip0/000.png" in unknown.err
    Path("wrong.json").write_text('[{"image_id": 1, "bbox": [0, 0, 1]}]')
    wrong = cli("predict", model, tiny.img_prefix, "--boxes", "wrong.json")
    assert wrong.status == 2
    assert "bbox of 4 numbers, and score, but not so entries 0" in wrong.err
    assert not Path("predictions").exists()


def test_images_that_the_boxes_file_does_not_know_are_left_out(cli, model, tiny):
    content = {**tiny.content, "images": tiny.content["images"][:5]}
    Path("five.json").write_text(json.dumps(content))
    told = cli("predict", model, tiny.img_prefix, "--boxes", "five.json").out
    assert "left out, since five.json does not know them: clip2/005.png" in told
    assert "5 instances in 5 images" in told


def test_boxes_belong_to_the_category_of_the_model(tiny, model, tmp_path):
    info = raypose.load(model).info
    keypoints = [20, 20, 2, 30, 20, 1, 20, 40, 2]
    content = {
        "images": [{"id": "x", "file_name": "a.png"}],
        "categories": [*tiny.content["categories"], {"id": 2, "name": "car"}],
        "annotations": [
            {"image_id": "x", "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"image_id": "x", "category_id": 2, "bbox": [5, 5, 5, 5]},
            {"image_id": "x", "category_id": 1, "bbox": [6, 6, 6, 6], "iscrowd": 1},
            {"image_id": "x", "category_id": 1, "keypoints": keypoints},
            {"image_id": "x", "category_id": 1},
        ],
    }
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(content))
    found = read_boxes(path, info)["a.png"]
    np.testing.assert_array_equal(found.bbox, [[1, 2, 3, 4], [15, 15, 20, 30]])  # a margin of 5 pixels at least
    assert found.image_id == "x"


def test_a_name_that_could_be_two_images_is_refused(tiny, model, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").touch()
    images = find_images([tmp_path])
    boxes = {"1.png": None}
    with pytest.raises(RayPoseError, match=r"'1.png' could be several of the images: a/1.png, b/1.png"):
        match(boxes, images, Path("boxes.json"))
    known = {"a/1.png": "A", "1.png": "other"}
    assert match(known, images, Path("boxes.json")) == ["A", "other"]
    known = {str(tmp_path / "a" / "1.png"): "whole path", "1": "id"}
    assert match(known, images, Path("boxes.json")) == ["whole path", "id"]


def test_how_a_detectors_list_may_name_images(tiny, model, tmp_path, caplog):
    info, box = raypose.load(model).info, {"bbox": [1, 2, 3, 4], "score": 1}
    (tmp_path / "000.png").touch()
    images = find_images([tmp_path / "000.png"])
    for name in ({"image_id": 0}, {"image_id": "0"}, {"file_name": "./000.png"}, {"file_name": None, "image_id": 0}):
        (tmp_path / "boxes.json").write_text(json.dumps([{**name, **box, "category_id": 1}]))
        (found,) = match(read_boxes(tmp_path / "boxes.json", info), images, tmp_path / "boxes.json")
        assert found.bbox.tolist() == [[1, 2, 3, 4]]
    assert not caplog.records
    (tmp_path / "boxes.json").write_text(json.dumps([{"image_id": 0, **box, "category_id": id_} for id_ in (1, 3)]))
    assert len(read_boxes(tmp_path / "boxes.json", info)["0"].bbox) == 2
    assert "boxes of categories 1, 3, and all of them are looked into" in caplog.text
