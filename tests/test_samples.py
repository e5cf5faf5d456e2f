"""What a training keeps to look at: `samples/`."""

from __future__ import annotations

import errno
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from raypose import metrics
from raypose.config import Augment, Data
from raypose.data import build_batches, build_dataset
from raypose.samples import FILE, Samples, chosen, instance_errors

TABLE_METRICS = [{"type": "PCK", "threshold": 0.1, "name": "PCK@0.1"}, {"type": "CocoAP"}]


@pytest.fixture
def batches(tiny_coco):
    data = Data(train=tiny_coco.cfg, val=tiny_coco.cfg, input_size=(48, 64), augment=Augment(), store=False)
    return build_batches(data, build_dataset(data, "val"), 4, augmented=False, threads=1)


def written(folder, batches, keypoints, metrics=TABLE_METRICS):
    Samples(folder, batches, metrics).write(keypoints, np.ones(keypoints.shape[:2], np.float32))
    return json.loads((folder / FILE).read_text())


def truth(batches):
    return batches.table.keypoints[:, :, :2].copy()


def test_pictures_show_keypoints_where_the_file_says(tmp_path, batches, tiny_coco):
    """The dots of the tiny set are found in the pictures by their colours."""
    told = written(tmp_path, batches, truth(batches) + np.array([0, 3]))
    assert (told["total"], told["input_size"], len(told["samples"])) == (6, [48, 64], 6)
    assert told["info"]["names"] == ["nose", "left_hand", "right_hand"]
    images = {each["id"]: each["file_name"] for each in tiny_coco.content["images"]}
    for sample in told["samples"]:
        picture = cv2.imread(str(tmp_path / sample["file"]))[:, :, ::-1].astype(int)
        assert picture.shape == (sample["height"], sample["width"], 3) == (256, 192, 3)
        red = np.argwhere((picture[..., 0] > 150) & (picture[..., 1] < 120) & (picture[..., 2] < 120))[:, ::-1]
        assert np.abs(red.mean(0) - sample["truth"][1][:2]).max() < 2
        zoom = 256 / (45 * 64 / 48)  # the box of 36 pixels is padded to 45, which is the width of the crop
        assert np.subtract(sample["predicted"], sample["truth"])[:, :2] == pytest.approx(
            np.array([[0, 3 * zoom]] * 3), abs=0.05
        )
        assert sample["error"] == pytest.approx(100 * 3 / 36, abs=0.01)
        assert sample["image"] == images[sample["id"]]  # one object an image, numbered alike
        assert sample["truth"][0][2] == 2


def test_errors_and_keypoints_are_those_of_all_instances(tmp_path, batches):
    rng = np.random.default_rng(0)
    keypoints = truth(batches) + rng.normal(0, 4, (6, 3, 2)).astype(np.float32)
    told = written(tmp_path, batches, keypoints)
    slow = []
    for row in range(6):
        box = batches.table.bbox[row]
        distances = [np.hypot(*(keypoints[row, k] - batches.table.keypoints[row, k, :2])) for k in range(3)]
        slow.append(100 * np.mean(distances) / np.sqrt(box[2] * box[3]))
    assert told["errors"] == pytest.approx(sorted(slow), abs=0.01)
    assert [each["error"] for each in told["samples"]] == pytest.approx(sorted(slow, reverse=True), abs=0.01)
    expected = metrics.per_keypoint([{"type": "EPE"}, TABLE_METRICS[0]], batches.table, keypoints, np.ones((6, 3)))
    assert told["per_keypoint"].keys() == {"EPE", "PCK", "PCK@0.1"}  # and no AP, which takes its time
    for name in expected:
        assert told["per_keypoint"][name] == pytest.approx(expected[name], abs=1e-4)


def test_the_worst_come_first_and_the_rest_is_spread_evenly():
    errors = np.random.default_rng(0).permutation(100).astype(float)
    errors[7], errors[9] = np.nan, np.inf
    worst, others = chosen(errors)
    assert worst[0] == 9
    assert [errors[row] for row in worst] == sorted(errors[~np.isnan(errors)], reverse=True)[:10]
    assert len(others) == 10
    assert not set(worst) & set(others)
    assert others[-1] == 7  # not labelled: the end of the line
    known = [errors[row] for row in others[:-1]]
    assert known == sorted(known, reverse=True)
    assert np.diff(known) == pytest.approx(-10, abs=2)
    assert chosen(np.full(3, np.nan)) == ([], [0, 1, 2])
    assert chosen(np.array([])) == ([], [])


def test_predictions_that_are_no_numbers_are_the_worst_and_null(tmp_path, batches):
    keypoints = truth(batches)
    keypoints[4, 1] = np.nan
    told = written(tmp_path, batches, keypoints)
    assert told["samples"][0]["id"] == int(batches.table.ids[4])
    assert told["samples"][0]["error"] is None
    assert told["samples"][0]["worst"] is True
    assert told["samples"][0]["predicted"][1][:2] == [None, None]
    assert len(told["errors"]) == 5
    assert told["per_keypoint"]["EPE"]["left_hand"] is None


def test_a_detectors_boxes_have_no_errors(tmp_path, batches):
    table = batches.table
    boxes = replace(table, keypoints=np.zeros_like(table.keypoints), truth=table, box_scores=np.ones(6))
    batches.table = boxes
    told = written(tmp_path, batches, table.keypoints[:, :, :2])
    assert told["per_keypoint"] == {}
    assert told["errors"] == []
    assert [(each["error"], each["worst"]) for each in told["samples"]] == [(None, False)] * 6


def test_only_what_is_new_is_drawn_and_what_is_old_goes(tmp_path, batches):
    table = batches.table
    batches.table = table.subset(np.arange(6).repeat(8))  # 48 rows of six images
    assert len(batches.table) == 48
    folder = tmp_path / "samples"
    samples = Samples(folder, batches)
    batches.pixels = CountingPixels(batches.pixels)
    scores, rng = np.ones((48, 3), np.float32), np.random.default_rng(0)
    keypoints = truth(batches) + rng.normal(0, 4, (48, 3, 2))
    samples.write(keypoints, scores)
    assert batches.pixels.count == 20
    samples.write(keypoints, scores)
    assert batches.pixels.count == 20
    samples.write(truth(batches) + rng.normal(0, 4, (48, 3, 2)), scores)
    told = json.loads((folder / FILE).read_text())
    assert 20 < batches.pixels.count <= 40
    assert {each["file"] for each in told["samples"]} == {each.name for each in folder.glob("*.jpg")}
    assert {each.name for each in folder.iterdir()} == {*(each["file"] for each in told["samples"]), FILE}


class CountingPixels:
    def __init__(self, pixels):
        self.pixels, self.count = pixels, 0

    def read(self, row):
        self.count += 1
        return self.pixels.read(row // 8)


def test_instance_errors_count_what_is_labelled(batches):
    table = batches.table
    keypoints = table.keypoints.copy()
    keypoints[0, 1:, 2], keypoints[1, :, 2] = 0, 0
    table = replace(table, keypoints=keypoints)
    found = truth(batches)
    found[0] += [[3, 4], [100, 0], [np.nan, 0]]
    errors = instance_errors(table, found)
    assert errors[0] == pytest.approx(100 * 5 / 36, rel=1e-5)
    assert np.isnan(errors[1])
    assert errors[2:] == pytest.approx(0)


def test_a_training_keeps_them_and_is_the_same_without(tmp_path, tiny_coco, monkeypatch):
    from raypose import trial
    from raypose.training.run import Run

    config = {
        "data": {"train": tiny_coco.cfg, "val": tiny_coco.cfg, "input_size": [48, 64]},
        "model": {"type": "TopDown", "backbone": {"type": "MobileNetV3", "arch": "small", "out_indices": [1]},
                  "keypoint_head": {"type": "HeatmapHead", "num_deconv_filters": 8}},
        "optimizer": {"type": "AdamW", "lr": 1e-2},
        "training": {"epochs": 2, "batch_size": 3, "metrics": [{"type": "EPE"}]},
        "tune": {"metric": "train_loss"},
    }  # fmt: skip
    rows, shown = {"with": [], "without": []}, []

    def go(name):
        folder = tmp_path / name
        folder.mkdir()
        trial.train(
            config,
            Run(3, folder, lambda epoch, values: rows[name].append(values), show=lambda *each: shown.append(each)),
        )
        return folder

    folder = go("with")
    assert len(json.loads((folder / "samples" / FILE).read_text())["samples"]) == 6
    assert [tag for _, tag, _ in shown[:2]] == ["predictions", "heatmaps"]
    assert all(image.dtype == np.uint8 and image.ndim == 3 for _, _, image in shown)

    def fails(*args):
        raise PermissionError(errno.EACCES, "no picture")

    monkeypatch.setattr("raypose.samples.Samples.write", fails)
    monkeypatch.setattr("raypose.pictures.Pictures.show", fails)
    go("without")  # what fails there is no failure of the training
    plain = [[{k: v for k, v in row.items() if k != "samples_per_second"} for row in each] for each in rows.values()]
    assert plain[0] == plain[1]


def test_a_full_disk_is_no_matter_of_pictures():
    from raypose.trial import optional

    with pytest.raises(OSError, match="full"), optional("samples"):
        raise OSError(errno.ENOSPC, "full")
