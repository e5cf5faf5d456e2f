"""Every backbone and neck is traced for any batch, and one of each way to be built becomes ONNX."""

from __future__ import annotations

import pytest
import torch
from tiny import crops, grown
from torch import nn

from raypose import BACKBONES, NECKS
from raypose.exporting.comparing import compare
from raypose.exporting.graph import Until, to_onnx
from raypose.models.builder import build_model

pytestmark = pytest.mark.slow

SIZE = (64, 64)
SMALL = {
    "HourglassNet": {"num_stacks": 2, "feat_channel": 8, "growth": 1.0, "downsample_times": 2, "stage_blocks": 1},
    "Timm": {"model": "resnet10t"},
    "ResNet": {"depth": 18},
    "LiteHRNet": {"depth": 18},
    "MobileNetV3": {"arch": "small"},
    "PyramidVisionTransformerV2": {"arch": "b0"},
}
NECK = {"FPN": {"out_channels": 8}, "FeatureMapProcessor": {"concat": True, "scale_factor": 2.0}}

MAPS = {"type": "ResNet", "depth": 18, "out_indices": [0, 1, 2, 3]}
# The others' operators are theirs, as traces tell.
WRITTEN = [
    {"backbone": {"type": "HourglassNet", **SMALL["HourglassNet"]}},
    {"backbone": MAPS, "neck": {"type": "FPN", **NECK["FPN"]}},
    {"backbone": {"type": "ViT"}},
]


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
def test_every_backbone_is_traced_for_any_batch(name):
    """What `export` does first; also of a library's new version."""
    torch.manual_seed(0)
    check_traced(BACKBONES.build({"type": name, **SMALL.get(name, {})}))


@pytest.mark.parametrize("name", own(NECKS))
def test_every_neck_is_traced_for_any_batch(name):
    torch.manual_seed(0)
    parts = {"backbone": MAPS, "neck": {"type": name, **NECK.get(name, {})}, "keypoint_head": {"type": "RLEHead"}}
    check_traced(Until(build_model(parts, 3, SIZE), "neck"))


@torch.no_grad()
def check_traced(module):
    module.eval()
    shapes = ({0: torch.export.Dim("batch")},)
    traced = torch.export.export(module, (torch.zeros(2, 3, *SIZE),), dynamic_shapes=shapes, strict=False).module()
    for number in (1, 3):
        given = crops(number, SIZE)
        torch.testing.assert_close(traced(given), module(given))


@pytest.mark.parametrize("parts", WRITTEN, ids=lambda parts: parts["backbone"]["type"])
def test_models(parts, tmp_path):
    check({"type": "RLEHead"}, tmp_path, **parts)
