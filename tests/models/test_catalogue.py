"""Every backbone with every head, built and joined; every head, codec and loss that go together, trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from raypose import BACKBONES, CODECS, HEADS, LOSSES
from raypose.data.table import DatasetInfo
from raypose.kinds import KINDS, agreed, mismatches
from raypose.models.builder import build_model

SIZE = (128, 64)  # width, height
KEYPOINTS = 5
INFO = DatasetInfo(tuple("abcde"), ((0, 1),), (0.05,) * 5, skeleton=((0, 1), (1, 2), (2, 3), (3, 4)))
SMALL_BACKBONE = {"type": "HourglassNet", "num_stacks": 2, "downsample_times": 2, "feat_channel": 16, "stage_blocks": 1}
# Arguments of backbones that have no default.
NEEDED = {"Timm": {"model": "mobilenetv4_conv_small"}}
# What an output of each kind looks like where the input is 128x64.
SHAPES = {
    "heatmap": lambda h, w: (5, h, w),
    "combined": lambda h, w: (5, 3, h, w),
    "coordinates": lambda h, w: (5, 2),
    "rle": lambda h, w: (5, 4),
    "simcc": lambda h, w: ((5, 256), (5, 128)),
    "coordinates+density": lambda h, w: ((5, 2), (5, h, w)),
}


def own(registry):
    """Built-in components, one under two names once."""
    found = {registry.get(name) for name in registry}
    return sorted(each.__name__ for each in found if each.__module__.startswith("raypose."))


class Replay(nn.Module):
    """Stands in for a backbone that has been run once: a run of it for each head would take minutes."""

    def __init__(self, backbone):
        super().__init__()
        self.multi_stage = getattr(backbone, "multi_stage", False)
        self.out = backbone.out
        self.maps = backbone.eval()(torch.empty(2, 3, SIZE[1], SIZE[0], device="meta"))

    def forward(self, img):
        return self.maps


@pytest.mark.parametrize("backbone", own(BACKBONES))
def test_every_head_joins(backbone, monkeypatch):
    with torch.device("meta"):
        replay = Replay(BACKBONES.build({"type": backbone, **NEEDED.get(backbone, {})}))
    monkeypatch.setitem(BACKBONES._entries, "Replay", lambda: replay)
    for name in own(HEADS):
        with torch.device("meta"):
            model = build_model({"backbone": {"type": "Replay"}, "keypoint_head": {"type": name}}, KEYPOINTS, SIZE)
        output = model(torch.empty(2, 3, SIZE[1], SIZE[0], device="meta"))
        for stage in output if isinstance(output, list) else [output]:
            parts = stage if isinstance(stage, tuple) else (stage,)
            height, width = parts[-1].shape[-2:]
            shape = tuple(tuple(part.shape[1:]) for part in parts)
            expected = SHAPES[model.kind](height, width)
            assert shape == (expected if isinstance(stage, tuple) else (expected,)), (backbone, name)
            if parts[-1].ndim > 3:
                assert (height, width) == (SIZE[1] // 4, SIZE[0] // 4), (backbone, name)


def combinations():
    """Each head, codec and loss that have a kind in common."""
    for head in own(HEADS):
        for codec in [*({"type": name} for name in own(CODECS)), KINDS["combined"].codec]:
            built = CODECS.build(codec, input_size=SIZE)
            if agreed(HEADS.get(head), built) is None:
                continue
            for loss in own(LOSSES):
                if loss != "MultipleLossWrapper" and not mismatches(HEADS.get(head), built, [LOSSES.get(loss)]):
                    yield pytest.param(head, codec, loss, id=f"{head}-{built.output}-{codec['type']}-{loss}")


def batch():
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(2, KEYPOINTS, 2, generator=generator) * torch.tensor(SIZE)
    visible = torch.ones(2, KEYPOINTS)
    visible[0, 0] = 0
    return torch.randn(2, 3, SIZE[1], SIZE[0], generator=generator), points, visible


@pytest.mark.parametrize(("head", "codec", "loss"), list(combinations()))
def test_what_goes_together_trains_and_predicts(head, codec, loss):
    cfg = {"type": head, "codec": codec, "loss_keypoint": {"type": loss}}
    model = build_model({"backbone": SMALL_BACKBONE, "keypoint_head": cfg}, KEYPOINTS, SIZE, info=INFO)
    model.train().loss(*batch())["loss"].backward()
    for name, parameter in model.named_parameters():
        if "hourglass_modules.0" not in name and "out_convs.0" not in name:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
    losses, keypoints, scores = model.eval().evaluate(*batch(), flip_pairs=[(0, 1)])
    assert losses["loss"].isfinite()
    assert keypoints.shape == (2, KEYPOINTS, 2)
    assert scores.shape == (2, KEYPOINTS)
    assert keypoints.isfinite().all()
    assert scores.isfinite().all()


@pytest.mark.parametrize("head", own(HEADS))
def test_every_parameter_of_every_head_has_a_gradient(head):
    model = build_model({"backbone": SMALL_BACKBONE, "keypoint_head": {"type": head}}, KEYPOINTS, (64, 64)).train()
    image, points, visible = batch()
    model.loss(image[..., :64], points / 2, visible)["loss"].backward()
    for name, parameter in model.keypoint_head.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize("head", own(HEADS))
def test_state_dict_round_trip(head):
    cfg = {"backbone": SMALL_BACKBONE, "keypoint_head": {"type": head}}
    first, second = (build_model(cfg, KEYPOINTS, SIZE).eval() for _ in range(2))
    second.load_state_dict(first.state_dict())
    image = batch()[0]
    torch.testing.assert_close(second.predict(image), first.predict(image), atol=0, rtol=0)
