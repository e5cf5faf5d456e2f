"""docs/export.md: its commands and its example run, and find what `raypose.load` finds."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

import raypose
from raypose.cli import main

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "export.md").read_text()
sys.path.insert(0, str(ROOT / "tests" / "exporting"))


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def folder(tmp_path, tiny_coco, monkeypatch):
    """Where the reader is: with an experiment, and a picture."""
    from tiny import write_folder

    monkeypatch.chdir(tmp_path)
    best = Path("experiments/quickstart/best")
    best.parent.mkdir(parents=True)
    write_folder(best, tiny_coco.cfg)
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    cv2.imwrite("frame.jpg", cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC))
    return best


def test_the_example_finds_what_raypose_load_finds(folder, capfd):
    (command,) = [line for line in block("bash").splitlines() if line.startswith("raypose ")]
    with pytest.raises(SystemExit) as end:
        main(shlex.split(command)[1:])
    out, err = capfd.readouterr()
    assert not end.value.code
    assert not err, "torch's own words"
    assert re.search(r"differ from PyTorch's by \S+ pixels at most \(limit 0.1\)\n.* 6 images of data.val", out)

    known: dict = {}
    exec(compile(block("python"), "docs/export.md", "exec"), known)
    found = raypose.load(folder).predict("frame.jpg", known["boxes"])
    assert known["keypoints"].shape == found.keypoints.shape == (2, 3, 2)
    np.testing.assert_allclose(known["keypoints"], found.keypoints, atol=0.1)
    np.testing.assert_allclose(known["scores"], found.scores, atol=0.01)
    assert len(np.unique(found.keypoints.round(), axis=0)) == 2
    printed = capfd.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed] == ["nose", "left_hand", "right_hand"]

    # One file, of any batch, which knows how it is used.
    model = onnx.load("model.onnx", load_external_data=False)
    onnx.checker.check_model(model)
    assert not any(onnx.external_data_helper.uses_external_data(each) for each in model.graph.initializer)
    about, kept = json.loads(Path("model.json").read_text()), known["session"].get_modelmeta().custom_metadata_map
    check = about.pop("check")
    assert json.loads(kept["raypose"]) == about
    assert check["largest_difference"]["keypoints"] < 0.1
    assert model.opset_import[0].version == about["opset"]
    assert about["outputs"][0]["shape"] == ["N", 3, 2]
    assert known["session"].get_inputs()[0].shape[1:] == about["input"]["shape"][1:] == [3, 64, 48]

    # What the command tells to type.
    lines = [line.strip() for line in out.splitlines() if line.startswith("  ")]
    assert len(lines) == 4
    exec("\n".join(lines), known)
    assert known["keypoints"].shape == (1, 3, 2)
    assert isinstance(known["session"], onnxruntime.InferenceSession)
