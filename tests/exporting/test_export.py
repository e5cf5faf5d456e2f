"""What is written, what is refused, and that nothing is left behind; the export itself is stubbed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from tiny import KEYPOINTS, SIZE, crops, write_folder

from raypose import RayPoseError, exporting
from raypose.cli import main
from raypose.exporting import graph
from raypose.exporting.comparing import Comparison, compare
from raypose.exporting.real_images import real_crops
from raypose.inference import load


class Mean:
    """A model whose keypoints are means of colours, times 1,000."""

    def __init__(self, jump=0.0):
        self.jump = jump

    def predict(self, img):
        means = img.mean((2, 3))
        points = torch.stack((means, means), -1) * 1000
        return points + self.jump * (means > 0).unsqueeze(-1), means


def mean_onnx(file, shift=0.0, factor=1.0):
    """`Mean` as ONNX."""
    shape = ["N", KEYPOINTS]
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["scores_"], keepdims=0),
        helper.make_node("Mul", ["scores_", "factor"], ["scores"]),
        helper.make_node("Unsqueeze", ["scores_", "last"], ["a"]),
        helper.make_node("Concat", ["a", "a"], ["b"], axis=2),
        helper.make_node("Mul", ["b", "thousand"], ["c"]),
        helper.make_node("Add", ["c", "shift"], ["keypoints"]),
    ]
    numbers = {"axes": np.array([2, 3]), "last": np.array([2]), "thousand": np.float32([1000])}
    numbers |= {"shift": np.float32([shift]), "factor": np.float32([factor])}
    made = helper.make_graph(
        nodes, "mean",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, *SIZE[::-1]])],
        [helper.make_tensor_value_info("keypoints", TensorProto.FLOAT, [*shape, 2]),
         helper.make_tensor_value_info("scores", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(value, name) for name, value in numbers.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(file))
    return file


@pytest.mark.parametrize("number", [1, 2, 4, 7])
def test_the_same_keypoints_pass(tmp_path, number):
    found = compare(Mean(), mean_onnx(tmp_path / "m.onnx"), crops(number), decode=True)
    assert found.passed
    assert (found.images, found.undecided) == (number, 0)


@pytest.mark.parametrize("wrong", [{"shift": 0.2}, {"shift": float("nan")}, {"factor": 1.5}], ids=str)
def test_other_keypoints_and_scores_do_not(tmp_path, wrong):
    found = compare(Mean(), mean_onnx(tmp_path / "m.onnx", **wrong), crops(), decode=True)
    assert not found.passed
    if wrong == {"shift": 0.2}:
        assert found.keypoints == pytest.approx(0.2 * 2**0.5, rel=1e-3)


def test_what_rounding_decides_in_pytorch_too_is_left_out(tmp_path):
    """The first two images' means are 0, where `jump` is a coin's toss."""
    images = crops()
    images[:2] -= images[:2].mean((2, 3), keepdim=True)
    tossed = Mean(jump=50.0)
    file = mean_onnx(tmp_path / "m.onnx")
    images[2:] = -images[2:].abs()
    found = compare(tossed, file, images, decode=True)
    assert found.passed
    assert found.undecided <= 2 * KEYPOINTS
    images[2:] *= -1
    assert not compare(tossed, file, images, decode=True).passed


def test_the_images_are_those_asked_for_else_samples_else_validation_data(best, tmp_path):
    preprocessing = load(best).preprocessing
    found, source = real_crops(best, preprocessing)
    assert (len(found), source) == (6, "data.val")

    (best / "samples").mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (256, 192, 3), np.uint8)
    cv2.imwrite(str(best / "samples" / "0.png"), picture)
    samples = [{"file": "0.png", "width": 192, "height": 256}, {"file": "gone.jpg", "width": 192, "height": 256}]
    (best / "samples" / "samples.json").write_text(json.dumps({"samples": samples}))
    found, source = real_crops(best, preprocessing)
    assert (len(found), source) == (1, str(best / "samples"))
    # The whole sample fills the input: it has no border of the colour that is 0.
    assert (found[0, :, [0, -1]].abs().amax(0) > 0.1).float().mean() > 0.9

    found, source = real_crops(best, preprocessing, tmp_path / "images")
    assert (len(found), source) == (6, str(tmp_path / "images"))


def test_no_images_to_check_with(best, tmp_path):
    (tmp_path / "annotations.json").unlink()
    with pytest.raises(RayPoseError, match=r"no real images to check the export with: .*--images FOLDER"):
        exporting.export(best)
    assert not (best / "model.onnx").exists()


class Program:
    """Stands for an ONNXProgram."""

    def save(self, file, external_data):
        assert not external_data
        Path(file).write_bytes(b"onnx")


@pytest.fixture
def stubbed(monkeypatch):
    """The distance that the check finds, to be changed."""
    state = SimpleNamespace(far=0.01)
    description = {
        "format": "raypose-export/1",
        "outputs": [],
        "input": {"name": "image", "type": "float32", "shape": ["N", 3, 4, 4]},
    }
    monkeypatch.setattr(exporting, "_program", lambda *_: (Program(), {**description, "opset": 20}))
    monkeypatch.setattr(
        exporting, "compare",
        lambda *_: Comparison(images=6, keypoints=state.far, scores=0.0, undecided=0, total=18),
    )  # fmt: skip
    return state


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_a_failed_check_leaves_nothing_and_is_status_1(best, stubbed, capsys):
    before, stubbed.far = files(best), 0.11
    with pytest.raises(SystemExit) as end:
        main(["export", str(best)])
    assert end.value.code == 1
    assert "the largest difference on 6 images of data.val is 0.11 px" in capsys.readouterr().err
    assert files(best) == before

    stubbed.far = 0.09
    exporting.export(best)
    assert files(best) == {*before, "model.onnx", "model.json"}
    stubbed.far = float("nan")
    with pytest.raises(RayPoseError):
        exporting.export(best)
    assert (best / "model.onnx").read_bytes() == b"onnx"
    assert files(best) == {*before, "model.onnx", "model.json"}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--to", "model.pt"], "must end in .onnx"),
        (["--to", "BEST/metrics.onnx"], "metrics.json, where the description goes, is another file"),
        (["--opset", "17"], "18 <= opset <= "),
        (["--opset", "999"], "must hold with this torch and onnx, but got 999"),
        (["--images", "no-folder"], "no-folder"),
        (["--images", "BEST"], "there is no image in"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_wrong_input_is_status_2(best, arguments, match, capsys):
    (best / "metrics.json").write_text("{}")
    before = files(best)
    with pytest.raises(SystemExit) as end:
        main(["export", str(best), *(each.replace("BEST", str(best)) for each in arguments)])
    assert end.value.code == 2
    assert match in capsys.readouterr().err
    assert files(best) == before


def test_a_missing_package_is_named_with_the_command(best, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RayPoseError, match=r"needs the package 'onnx'.*pip install 'raypose\[export\]'"):
        exporting.export(best)


@pytest.mark.parametrize("broken", ["backbone", "keypoint_head", "codec"])
def test_the_part_that_cannot_be_exported_is_named(best, monkeypatch, broken):
    steps = list(graph.STEPS)

    def failing(module, *_):
        if steps.index(module.part) >= steps.index(broken):
            raise ValueError("outer") from RuntimeError("no such operator\nand much more")

    monkeypatch.setattr(graph, "_exported", failing)
    model = load(best).model
    name = type(getattr(model, broken)).__name__
    with pytest.raises(RayPoseError, match=f"{broken} {name} cannot be .*: RuntimeError: no such operator") as error:
        graph.to_onnx(model, crops(2), ["keypoints", "scores"], decode=True)
    assert error.value.exit_status == 1
    assert ("--no-decode" in str(error.value)) == (broken == "codec")
    assert "much more" not in str(error.value)


def test_a_flip_test_is_told_not_to_be_in_it(tmp_path, tiny_coco, stubbed, monkeypatch, capsys):
    write_folder(tmp_path / "best", tiny_coco.cfg, flip_test=True)
    made = exporting._program

    def program(predictor, *others):
        program, description = made(predictor, *others)
        return program, {**description, "flip_test": {"in_training": predictor.flip_test, "in_model": False}}

    monkeypatch.setattr(exporting, "_program", program)
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path / "best"), "--no-check"])
    out = capsys.readouterr().out
    assert "its training's flip test is not in it" in out
    assert "not checked" in out
