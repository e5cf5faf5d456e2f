"""What `raypose check --data` and `raypose train` do with a broken dataset."""

import json
from pathlib import Path

import pytest

CONFIG = """\
name: broken
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  input_size: [32, 32]
model:
  backbone: {{type: ResNet, depth: 18}}
  keypoint_head: {{type: HeatmapHead, num_deconv_layers: 1, num_deconv_filters: 8, num_deconv_kernels: 4}}
optimizer: {{type: AdamW, lr: 1e-3}}
training: {{epochs: 1, batch_size: 2}}
"""
SKIP = ("--set", "data.on_bad_sample=skip")


@pytest.fixture
def broken(tmp_path, tiny_coco):
    """A configuration whose data has a bad annotation, an image that is not there, and one that is cut off."""

    def make(annotations=True, pixels=True):
        images = [Path(tiny_coco.img_prefix, each["file_name"]) for each in tiny_coco.content["images"]]
        if annotations:
            tiny_coco.content["annotations"][3]["keypoints"] = [1, 2, 2]
            images[1].unlink()
        if pixels:
            images[5].write_bytes(images[5].read_bytes()[:60])
        Path(tiny_coco.ann_file).write_text(json.dumps(tiny_coco.content))
        path = tmp_path / "broken.yaml"
        path.write_text(CONFIG.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
        return path

    return make


SAID = ["keypoints must be 3 x 3 numbers", "4 (clip1/003.png)", "2 (clip0/001.png)"]


@pytest.mark.parametrize("static", [(), ("--static",)])
def test_check_tells_all_of_it_at_once(cli, broken, static):
    result = cli("check", broken(), "--data", *static)
    assert result.status == 2
    for text in [*SAID, "clip2/005.png: image 6: cannot decode the image"]:
        assert result.err.count(text) == 1, text
    assert "warning" not in result.err


def test_check_warns_of_what_would_be_skipped(cli, broken):
    path = broken()
    result = cli("check", path, "--data", *SKIP)
    assert result.status == 0, result.err
    assert result.err.count("warning: ") == 3
    assert "read 1 dataset and decoded 4 images" in result.out
    told = json.loads(cli("check", path, "--data", "--json", "--static", *SKIP).out)["problems"]
    assert {each["rule"] for each in told} == {"keypoint-count", "image-missing", "image-file"}
    assert {each["level"] for each in told} == {"warning"}


def test_check_of_good_data(cli, broken):
    result = cli("check", broken(annotations=False, pixels=False), "--data", "--static")
    assert result.status == 0
    assert "read 1 dataset and decoded 6 images" in result.out


def test_train_ends_before_it_starts(cli, broken, tmp_path):
    result = cli("train", broken())
    assert result.status == 2
    for text in SAID:
        assert text in result.err
    assert not (tmp_path / "experiments").exists()


def test_train_ends_before_the_first_step(cli, broken, tmp_path):
    result = cli("train", broken(annotations=False))
    assert result.status == 2
    assert "clip2/005.png: image 6: cannot decode the image" in result.err
    assert not [*tmp_path.rglob("metrics.jsonl"), *tmp_path.rglob("weights.pt")]


def test_train_goes_on_without_what_is_bad(cli, broken, tmp_path):
    result = cli("train", broken(), *SKIP)
    assert result.status == 0, result.err
    folder = tmp_path / "experiments" / "broken-train"
    assert (folder / "weights.pt").exists()
    log = (folder / "log.txt").read_text()
    assert "going on without 2 of 6 annotations and 1 of 6 images (on_bad_sample: skip): " in log
    assert "going on without 1 of 4 annotations and 1 of 4 images (on_bad_sample: skip): image-file 1" in log
    predictions = json.loads((folder / "predictions.json").read_text())
    assert sorted({each["image_id"] for each in predictions}) == [1, 3, 5]
