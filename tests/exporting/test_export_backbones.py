"""Every backbone and neck as ONNX, for any batch."""

from __future__ import annotations

import pytest
import torch
from tiny import crops, grown
from torch import nn

from raypose import BACKBONES, NECKS
from raypose.exporting.comparing import compare
from raypose.exporting.graph import to_onnx
from raypose.models.builder import build_model

pytestmark = pytest.mark.slow

SIZE = (64, 64)
SMALL = {
    "HourglassNet": {"num_stacks": 2, "feat_channel": 8, "growth": 1.0, "downsample_times": 2, "stage_blocks": 1},
    "Timm": {"model": "resnet10t"},
    "ResNet": {"depth": 18},
    "LiteHRNet": {"depth": 18},
    "MobileNetV3": {"arch": "small"},
}
NECK = {"FPN": {"out_channels": 8}, "FeatureMapProcessor": {"concat": True, "scale_factor": 2.0}}


def own(registry):
    return [name for name in registry if registry.get(name).__module__.startswith("raypose.")]


def check(head, tmp_path, **parts):
    torch.manual_seed(0)
    model = build_model({"keypoint_head": head, **parts}, 3, SIZE).eval()
    for module in model.modules():  # as large as after a training, which random weights don't keep
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    model.train()(crops(8, SIZE))
    model.eval()
    grown(model)
    file = tmp_path / "model.onnx"
    names = ["keypoints", "scores"]
    to_onnx(model, torch.zeros(2, 3, *SIZE[::-1]), names, decode=True).save(str(file), external_data=False)
    found = compare(model, file, crops(4, SIZE), decode=True)
    assert found.passed, found
    assert found.undecided <= 1


@pytest.mark.parametrize("name", own(BACKBONES))
def test_backbones(name, tmp_path):
    check({"type": "RLEHead"}, tmp_path, backbone={"type": name, **SMALL.get(name, {})})


@pytest.mark.parametrize("name", own(NECKS))
def test_necks(name, tmp_path):
    head = {"type": "RLEHead"}
    backbone = {"type": "ResNet", "depth": 18, "out_indices": [0, 1, 2, 3]}
    check(head, tmp_path, backbone=backbone, neck={"type": name, **NECK.get(name, {})})
