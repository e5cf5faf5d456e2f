"""A backbone and a head of a user's, as the tutorial has them, predict and are exported."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from tiny import SIZE

import raypose
from raypose import BACKBONES
from raypose.data.build import build_table
from raypose.exporting import export
from raypose.model_folder import save_weights
from raypose.models.builder import build_model
from raypose.plugins import load_plugins
from raypose.space import dump

MODULES = """\
from torch import nn
from raypose import BACKBONES, HEADS

@BACKBONES.register_module()
class ExportedNet(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 7, stride=4, padding=3)

    def forward(self, x):
        return (self.conv(x).relu(),)

    def init_weights(self, pretrained=None):
        nn.init.normal_(self.conv.weight, std=0.1)

@HEADS.register_module()
class ExportedHead(nn.Module):
    def __init__(self, in_channels, num_keypoints):
        super().__init__()
        self.final_layer = nn.Conv2d(in_channels, num_keypoints, 1)

    def forward(self, x):
        return self.final_layer(x)

    def init_weights(self):
        nn.init.normal_(self.final_layer.weight, std=0.3)
"""


@pytest.fixture
def folder(tmp_path, tiny_coco):
    """The user's model folder, in a process that has not loaded the user's modules."""
    (tmp_path / "my_modules.py").write_text(MODULES)
    model = {"backbone": {"type": "ExportedNet", "width": 4}, "keypoint_head": {"type": "ExportedHead"}}
    data = {"train": tiny_coco.cfg, "val": tiny_coco.cfg, "input_size": [*SIZE]}
    config = {
        "name": "mine",
        "plugins": ["my_modules.py"],
        "data": data,
        "model": model,
        "optimizer": {"type": "AdamW"},
    }
    (tmp_path / "config.yaml").write_text(dump(config))
    load_plugins([str(tmp_path / "my_modules.py")])
    table = build_table(tiny_coco.cfg)
    torch.manual_seed(0)
    save_weights(build_model(model, len(table.info.names), SIZE), table.info, SIZE, 1, tmp_path / "weights.pt")
    load_plugins([_emptied(tmp_path)])
    assert "ExportedNet" not in BACKBONES
    return tmp_path


def _emptied(folder):
    (folder / "later").mkdir()
    (folder / "later" / "my_modules.py").touch()
    return str(folder / "later" / "my_modules.py")


def test_modules_of_ones_own(folder, tiny_coco):
    images = f"{tiny_coco.img_prefix}/clip0"
    exported = export(folder, images=images)
    assert exported.check.passed
    assert exported.check.images == 2

    predictor = raypose.load(folder)
    keypoints, _ = predictor.predict(f"{images}/000.png")
    crops, inverse = predictor.preprocessing(f"{images}/000.png")
    found, _ = onnxruntime.InferenceSession(str(exported.file)).run(None, {"image": crops.contiguous().numpy()})
    np.testing.assert_allclose(found[0] @ inverse[0, :, :2].T + inverse[0, :, 2], keypoints[0], atol=0.2)
    assert len(np.unique(keypoints[0].round(), axis=0)) > 1  # an output that says nothing has all in one place
