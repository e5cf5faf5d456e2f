import json

import cv2
import numpy as np
import pytest

from raypose.cli.data._cells import change
from raypose.data.geometry import crop_matrices, invert
from raypose.space import Space

SPACE = """\
name: tiny
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [64, 64]
model:
  backbone: {{type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: {{choice: [8, 12]}}, stage_blocks: 1}}
  keypoint_head: {{type: {head}}}
optimizer: {{type: AdamW, lr: 1e-3}}
"""


@pytest.fixture
def space_file(tmp_path, tiny_coco):
    def write(head="HeatmapHead, num_deconv_layers: 0"):
        path = tmp_path / "tiny.yaml"
        path.write_text(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix, head=head))
        return path

    return write


def test_a_sheet_and_its_counts(cli, space_file, tiny_coco, tmp_path):
    tiny_coco.content["annotations"][0]["keypoints"][2::3] = [0, 1, 2]
    (tmp_path / "annotations.json").write_text(json.dumps(tiny_coco.content))
    result = cli("data", "show", space_file(), "--num", 3)
    assert (result.status, result.err) == (0, "")
    picture = cv2.imread("tiny-train.png")
    told = json.loads(cli("data", "show", space_file(), "--num", 3, "--json").out)
    assert told["file"] == "tiny-train.png"
    np.testing.assert_array_equal(cv2.imread("tiny-train.png"), picture)  # the same seed
    assert told["instances"] == told["images"] == 4
    assert told["image_sizes"] == {"64x64": 4}
    assert told["boxes"] == {"width": [36.0] * 5, "height": [36.0] * 5}
    assert "64x64 (4)" in result.out
    cli("data", "show", space_file(), "--num", 2, "--to", "two.png")
    assert 0.5 < cv2.imread("two.png").shape[0] / picture.shape[0] < 0.9


def test_counts_equal_those_of_the_file(cli, space_file, tiny_coco, tmp_path):
    for i, each in enumerate(tiny_coco.content["annotations"]):
        each["keypoints"][2] = i % 3
    (tmp_path / "annotations.json").write_text(json.dumps(tiny_coco.content))
    whole = ("--set", f"data.val={json.dumps(tiny_coco.cfg)}", "--json", "--num", 1, "--seed", 4)
    told = json.loads(cli("data", "show", space_file(), *whole).out)
    assert told["keypoints"] == {
        "nose": {"visible": 2, "occluded": 2, "unlabelled": 2},
        "left_hand": {"visible": 6, "occluded": 0, "unlabelled": 0},
        "right_hand": {"visible": 6, "occluded": 0, "unlabelled": 0},
    }


@pytest.mark.parametrize("head", ["SimCCHead", "IntegralRegressionHead", "DSNTHead, num_deconv_layers: 0"])
def test_targets_of_other_heads(cli, space_file, head):
    assert cli("data", "show", space_file(head), "--num", 1, "--on", "val", "--to", "a.png").status == 0
    cli("data", "show", space_file(), "--num", 1, "--on", "val", "--to", "b.png")
    one, other = cv2.imread("a.png"), cv2.imread("b.png")
    assert one.shape != other.shape or (one != other).any()


def test_what_is_drawn_is_what_training_sees(cli, space_file):
    """Each augmented crop has the dots' colours under the keypoints, which are drawn in others."""
    cli("data", "show", space_file(), "--num", 4, "--set", "data.augment.flip=1", "--to", "flipped.png")
    cli("data", "show", space_file(), "--num", 4, "--set", "data.augment.flip=0", "--to", "plain.png")
    one, other = cv2.imread("flipped.png"), cv2.imread("plain.png")
    changed = (one != other).any((0, 2))
    first = np.flatnonzero(changed)[0]
    assert first > 3 * 256  # the image, the input and the target are the same; what is augmented is not
    assert changed[first:].mean() > 0.5


def test_mistakes(cli, space_file):
    assert "--to must name a .png file" in cli("data", "show", space_file(), "--to", "a.jpg").err
    assert "no data.test" in cli("data", "show", space_file(), "--on", "test").err
    wrong = cli("data", "show", space_file("HeatmapHed"))
    assert (wrong.status, "did you mean 'HeatmapHead'?" in wrong.err) == (2, True)
    assert cli("data", "show", space_file(), "--to", "no/such/a.png").status == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "0 deg, 1.00x"),
        ({"rotation": 30, "scale": 1.25}, "30 deg, 0.80x"),
        ({"rotation": -100, "shift": (0.2, 0.1)}, "-100 deg, 1.00x"),
        ({"rotation": 20, "scale": 0.5, "flip": True}, "flip, 20 deg, 2.00x"),
    ],
)
def test_what_a_crop_says_of_its_change(given, told):
    bbox = np.array([[10.0, 20, 50, 70]])
    plain, other = crop_matrices(bbox, (96, 128)), crop_matrices(bbox, (96, 128), **given)
    assert change(invert(other)[0].astype(np.float32), invert(plain)[0].astype(np.float32)) == told


def test_convert_names_the_next_command(cli, tmp_path, tiny_coco):
    folder = tmp_path / "project" / "labeled-data" / "v0"
    folder.mkdir(parents=True)
    rows = ["scorer,me,me,me,me", "bodyparts,nose,nose,tail,tail", "coords,x,y,x,y"]
    for i in range(4):
        cv2.imwrite(str(folder / f"img{i}.png"), np.full((50, 60, 3), 40 * i, np.uint8))
        rows.append(f"labeled-data/v0/img{i}.png,{10 + i}.5,20,30,40")
    (folder / "CollectedData_me.csv").write_text("\n".join(rows))
    (tmp_path / "project" / "config.yaml").write_text("Task: mice\nscorer: me\nbodyparts: [nose, tail]\n")
    result = cli("data", "convert", "project", "--to", "my coco", "--val", 0.25)
    assert result.status == 0, result.err
    assert "wrote my coco/annotations/val.json: 1 instance in 1 image" in result.out
    line = result.out.splitlines()[-1]
    assert line.startswith("next: raypose init 'my coco/annotations/train.json' --val")
    import shlex

    assert cli(*shlex.split(line.removeprefix("next: raypose ")), "--name", "mice").status == 0
    train = Space.load("mice.yaml").default()["data"]["train"]
    assert train["img_prefix"] == str(tmp_path / "project")
    assert "--force replaces them" in cli("data", "convert", "project", "--to", "my coco").err
