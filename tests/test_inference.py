"""`raypose.load`: what `evaluate` predicted of a table's boxes comes out again for the same images and boxes."""

import re
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import PIL.Image
import pytest
import torch

import raypose
from raypose import RayPoseError
from raypose.data import CocoKeypoints
from raypose.data.warp import MEAN, STD
from raypose.evaluation import evaluate
from raypose.space import Space, dump
from raypose.training.run import Run
from raypose.trial import train

NAMES = ("nose", "left_hand", "right_hand")


@pytest.fixture(scope="module")
def tiny(tiny_coco_in, tmp_path_factory):
    return tiny_coco_in(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """A model folder whose crops are smaller than its boxes, tested on mirrored images."""
    where = tmp_path_factory.mktemp("model")
    config = {
        "name": "tiny",
        "data": {"train": tiny.cfg, "val": tiny.cfg, "input_size": [32, 24], "padding": 1.4, "store": False},
        "model": {
            "backbone": {"type": "HourglassNet", "num_stacks": 1, "downsample_times": 1, "feat_channel": 8,
                         "stage_blocks": 1},
            "keypoint_head": {"type": "HeatmapHead"},
        },
        "optimizer": {"type": "AdamW", "lr": 0.01},
        "training": {"epochs": 2, "batch_size": 2, "precision": "fp32", "flip_test": True},
        "tune": {"metric": "EPE"},
    }  # fmt: skip
    (where / "config.yaml").write_text(dump(config))
    train(Space.load(where / "config.yaml").config(), Run(seed=0, dir=where, report=lambda *_: None))
    return where


@pytest.fixture(scope="module")
def predictor(folder):
    return raypose.load(folder)


def expected(folder):
    """[N,K,3] by `evaluate`."""
    return np.array([each["keypoints"] for each in evaluate(folder).predictions]).reshape(-1, len(NAMES), 3)


def test_it_predicts_as_evaluate_does(folder, tiny, predictor):
    table = CocoKeypoints(**{key: tiny.cfg[key] for key in ("ann_file", "img_prefix")})
    for row, truth in enumerate(expected(folder)):
        keypoints, scores = predictor.predict(table.paths[table.image_index[row]], table.bbox[row : row + 1])
        assert keypoints.dtype == scores.dtype == np.float32
        np.testing.assert_allclose(keypoints[0], truth[:, :2], atol=1e-3)
        np.testing.assert_allclose(scores[0], truth[:, 2], atol=1e-3)
    assert np.abs(keypoints[0] - table.keypoints[-1, :, :2]).max() > 0.1  # and not the labels


def test_many_images_and_boxes_come_in_their_order(folder, tiny, predictor):
    table = CocoKeypoints(**{key: tiny.cfg[key] for key in ("ann_file", "img_prefix")})
    truth = expected(folder)
    rows = [[0, 0, 0], [1], [], [3, 3], [4]]  # the boxes of one image are the same here
    images = (table.paths[row[0] if row else 2] for row in rows)
    found = list(predictor.predict_many(images, (table.bbox[row] for row in rows), batch_size=2))
    assert [len(each.keypoints) for each in found] == [3, 1, 0, 2, 1]
    for row, each in zip(rows, found, strict=True):
        np.testing.assert_allclose(each.keypoints, truth[row][:, :, :2], atol=2e-3)
    assert found[2].keypoints.shape == (0, 3, 2)
    assert found[2].scores.shape == (0, 3)
    assert list(predictor.predict_many([])) == []


def test_without_boxes_the_image_is_one(tiny, predictor):
    path = f"{tiny.img_prefix}/clip0/000.png"
    whole, box = predictor.predict(path), predictor.predict(path, [[0, 0, 64, 64]])
    np.testing.assert_array_equal(whole.keypoints, box.keypoints)


def test_arrays_are_taken_as_files_are(tiny, predictor):
    path = f"{tiny.img_prefix}/clip0/000.png"
    bgr = cv2.imread(path)
    expected = predictor.predict(path).keypoints
    alpha = np.dstack([bgr[:, :, ::-1], np.zeros((64, 64), np.uint8)])
    for image in (bgr[:, :, ::-1], cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), alpha):
        np.testing.assert_array_equal(predictor.predict(image).keypoints, expected)
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    three = predictor.predict(np.dstack([grey] * 3)).keypoints
    for image in (grey, grey[..., None]):
        np.testing.assert_array_equal(predictor.predict(image).keypoints, three)


def test_a_picture_is_turned_as_its_exif_says(predictor, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    PIL.Image.fromarray(picture).save(tmp_path / "turned.png", exif=exif)
    found = predictor.predict(tmp_path / "turned.png", [[4, 6, 30, 50]])
    upright = predictor.predict(np.rot90(picture, -1), [[4, 6, 30, 50]])
    np.testing.assert_array_equal(found.keypoints, upright.keypoints)


@pytest.mark.parametrize(
    "box", [[-1e6, -1e6, 2e6, 2e6], [0, 0, 1e30, 1e30], [500, 500, 40, 40], [1e9, 1e9, 5, 5], [10, 10, 1e-6, 1e-6]]
)
def test_boxes_may_be_anywhere_and_of_any_size(predictor, box):
    image = np.full((64, 64, 3), 128, np.uint8)
    crops, inverse = predictor.preprocessing(image, [box, [0, 0, 64, 64]])
    assert crops.shape == (2, 3, 24, 32)
    assert torch.isfinite(crops).all()
    assert np.isfinite(inverse).all()


def test_threads_may_share_a_predictor(tiny, predictor):
    paths = [f"{tiny.img_prefix}/clip{i // 2}/{i:03d}.png" for i in range(6)]
    one_by_one = [predictor.predict(path).keypoints for path in paths]
    with ThreadPoolExecutor(4) as pool:
        for alone, found in zip(one_by_one * 3, pool.map(predictor.predict, paths * 3), strict=True):
            np.testing.assert_array_equal(found.keypoints, alone)


def test_a_crop_is_what_its_constants_say(predictor):
    """One that shows all of a picture of its own size."""
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    size = np.array([32, 24]) / 1.4
    crops, inverse = predictor.preprocessing(image, [[*((np.array([32, 24]) - size) / 2), *size]])
    np.testing.assert_allclose(inverse[0], [[1, 0, 0], [0, 1, 0]], atol=1e-5)
    shown = crops[0].permute(1, 2, 0).numpy() * np.array(predictor.preprocessing.std) + predictor.preprocessing.mean
    np.testing.assert_allclose(shown, image, atol=1)
    assert (predictor.preprocessing.mean, predictor.preprocessing.std) == (tuple(MEAN), tuple(STD))
    assert (predictor.preprocessing.input_size, predictor.preprocessing.padding) == ((32, 24), 1.4)


def test_what_it_tells_of_itself(predictor):
    assert (predictor.info.names, predictor.info.skeleton) == (NAMES, ((0, 1), (0, 2)))
    assert (predictor.input_size, predictor.device, predictor.flip_test) == ((32, 24), "cpu", True)
    assert not predictor.model.training
    assert next(predictor.model.parameters()).device == torch.device("cpu")


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.zeros((4, 4, 3), np.float32), r"uint8 array \[height, width, 3\] in RGB, but got float32 \(4, 4, 3\).*\* 255"),
        (np.zeros((4, 4, 3), np.uint16), "uint16.*>> 8"),
        (np.zeros((3, 8, 9), np.uint8), "transpose"),
        (np.zeros((8, 9, 2), np.uint8), r"\(8, 9, 2\)"),
        (np.zeros((0, 9, 3), np.uint8), r"\(0, 9, 3\)"),
        (np.zeros(9, np.uint8), r"\(9,\)"),
        (torch.zeros((4, 4, 3), dtype=torch.uint8), "torch.uint8.*asarray"),
        (None, "got NoneType"),
        ("nowhere.png", "nowhere.png"),
    ],
)  # fmt: skip
def test_what_is_no_image(predictor, image, told):
    with pytest.raises(RayPoseError) as raised:
        predictor.predict(image)
    assert re.search(told, str(raised.value))


@pytest.mark.parametrize(
    ("boxes", "told"),
    [
        ([1, 2, 3, 4], r"\[N,4\], but got \(4,\).*\[\[x, y, width, height\]\]"),
        ([[1, 2, 3]], r"\(1, 3\)"),
        ([[0, 0, 5, 5], [9, 9, 0, 4]], "box 1.*x2 - x1"),
        ([[0, 0, float("nan"), 4]], "box 0"),
        ([["a", 0, 1, 1]], "numbers"),
    ],
)
def test_what_are_no_boxes(predictor, boxes, told):
    with pytest.raises(RayPoseError) as raised:
        predictor.predict(np.zeros((8, 8, 3), np.uint8), boxes)
    assert re.search(told, str(raised.value))


def test_too_few_boxes_for_the_images(predictor):
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="shorter"):
        list(predictor.predict_many([image, image], [None]))


def test_no_model_folder(tmp_path):
    with pytest.raises(RayPoseError, match="not a model folder"):
        raypose.load(tmp_path)
