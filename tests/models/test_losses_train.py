"""Every loss trains a small net."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from raypose import BACKBONES, LOSSES
from raypose.kinds import KINDS
from raypose.models.builder import build_model

INFO = SimpleNamespace(sigmas=(0.05, 0.1, 0.2, 0.3), skeleton=((0, 2), (1, 2), (2, 3)))
SUMS = {"MultipleLossWrapper"}
CASES = [(name, kind) for name in LOSSES if name not in SUMS for kind in LOSSES.get(name).accepts]
# What does not place a keypoint by itself is trained beside a loss that does.
BESIDE = {"OKSLoss": {"type": "L1Loss"}, "BoneLoss": {"type": "L1Loss", "loss_weight": 5.0}}
STEPS = {"WingLoss": 120, "SoftWingLoss": 160, "OKSLoss": 80}  # what is near outweighs what is far
# A head for what a loss accepts, and the kind of its output.
TRAINED_BY = {
    "heatmap": ("HeatmapHead", "heatmap"),
    "combined": ("HeatmapHead", "combined"),
    "coordinates": ("RegressionHead", "coordinates"),
    "rle": ("RLEHead", "rle"),
    "simcc": ("SimCCHead", "simcc"),
    "density": ("DSNTHead", "coordinates+density"),
}


class TinyBackbone(torch.nn.Module):
    def __init__(self):
        super().__init__()
        blocks = [(3, 32, 4), (32, 64, 1)]
        convs = [torch.nn.Conv2d(a, b, 3, stride, 1) for a, b, stride in blocks]
        self.layers = torch.nn.Sequential(
            *(torch.nn.Sequential(conv, torch.nn.BatchNorm2d(conv.out_channels), torch.nn.ReLU()) for conv in convs)
        )

    def forward(self, x):
        return (self.layers(x),)


@pytest.fixture
def tiny_backbone():
    BACKBONES.register_module(module=TinyBackbone)
    yield {"type": "TinyBackbone"}
    BACKBONES.remove(lambda entry: entry is TinyBackbone)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_overfits_one_batch(name, kind, tiny_backbone):
    loss = {"type": name}
    if name in BESIDE:
        loss = {"type": "MultipleLossWrapper", "losses": [BESIDE[name], loss]}
    first, last, error = overfit(tiny_backbone, kind, loss, STEPS.get(name, 40))
    assert last < first
    assert error < 4  # one pixel of the heatmaps; some 30 before


def overfit(backbone, kind, loss, steps, lr=1e-2):
    torch.manual_seed(0)
    head, kind = TRAINED_BY[kind]
    cfg = {"backbone": backbone, "keypoint_head": {"type": head, "codec": KINDS[kind].codec, "loss_keypoint": loss}}
    model = build_model(cfg, 4, (64, 64), info=INFO).train()
    img, keypoints, visible = torch.randn(4, 3, 64, 64), torch.rand(4, 4, 2) * 60 + 2, torch.ones(4, 4)
    visible[0, 0] = 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = model.loss(img, keypoints, visible)["loss"]
        value.backward()
        optimizer.step()
        schedule.step()
        losses.append(value.item())
    # Training mode: it is the batch that was fitted, not the running statistics.
    decoded, _ = model.predict(img)
    return losses[0], losses[-1], (decoded - keypoints).norm(dim=-1)[visible > 0].mean().item()
