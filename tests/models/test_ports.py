from __future__ import annotations

import pytest
import torch
from torch import nn

from raypose import BACKBONES, RayPoseError
from raypose.models.ports import Port, dry_run, image, probe
from raypose.models.valueless import without_values

SIZES = [(64, 64), (96, 128), (192, 256)]


class Probed(nn.Module):
    """Hides what a backbone declares."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.multi_stage = getattr(backbone, "multi_stage", False)

    def forward(self, x):
        return self.backbone(x)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["HourglassNet", "MobileNetV3", "ResNet"])  # all are in test_backbones.py
def test_what_is_declared_is_what_comes_out(name, size):
    with torch.device("meta"):
        backbone = BACKBONES.build({"type": name})
    assert probe(Probed(backbone), size)[1] == backbone.out


@pytest.mark.parametrize("name", ["ResNet", "MobileNetV3"])
def test_out_indices_choose_maps_and_leave_out_what_lies_above(name):
    with torch.device("meta"):
        low, all_maps = (BACKBONES.build({"type": name, "out_indices": i}) for i in ([0, 1], [0, 1, 2, 3]))
    assert [port.stride for port in all_maps.out] == [4, 8, 16, 32]
    assert probe(Probed(all_maps), (64, 64))[1] == all_maps.out
    assert probe(Probed(low), (64, 64))[1] == all_maps.out[:2]
    assert len(list(low.parameters())) < len(list(all_maps.parameters()))


def test_a_backbone_that_cannot_run_on_meta_runs_on_the_cpu():
    class Stubborn(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 7, 3, stride=16, padding=1)
            self.norm = nn.BatchNorm2d(7)

        def forward(self, x):
            assert x.sum().item() == 0
            return self.norm(self.conv(x))

    backbone = Stubborn()
    assert probe(backbone, (96, 128))[1] == (Port(7, 16),)
    assert backbone.training
    assert backbone.norm.num_batches_tracked == 0


def test_a_backbone_that_fails_says_on_what():
    with pytest.raises(RayPoseError, match=r"Conv2d fails on \[2, 3, 64, 64\]: "):
        probe(nn.Conv2d(4, 4, 1), (64, 64))


def test_stages_come_with_their_ports():
    class Twice(nn.Conv2d):
        multi_stage = True

        def forward(self, x):
            return (super().forward(x),) * 2

    stages, (port,) = probe(Twice(3, 5, 1, stride=4), (64, 96))
    assert [[list(each.shape) for each in maps] for maps in stages] == [[[2, 5, 24, 16]]] * 2
    assert port == Port(5, 4)


def test_feature_maps_have_four_dimensions_or_are_vectors():
    with pytest.raises(RayPoseError, match=r"\[N,C,H,W\], or \[N,C\] after pooling, but got \(2, 3, 4096\)"):
        probe(nn.Flatten(2), (64, 64))
    assert probe(nn.Flatten(), (64, 32))[1] == (Port(6144, 32),)


def test_dry_run_leaves_weights_alone():
    conv = nn.Conv2d(3, 4, 3)
    before = conv.weight.clone()
    assert dry_run(conv, image((8, 6))).shape == (2, 4, 4, 6)
    torch.testing.assert_close(conv.weight, before)
    assert conv.weight.device.type == "cpu"


class TestWithoutValues:
    def test_what_looks_at_values_runs_on_the_cpu_and_leaves_the_generator_alone(self):
        torch.manual_seed(0)
        expected = torch.rand(1)
        torch.manual_seed(0)
        tried = []

        def run(device):
            tried.append(device)
            return torch.rand(3, device=device).sum().item()

        assert without_values(run, "no sum", "sum") > 0
        assert tried == ["meta", "cpu"]
        assert torch.equal(torch.rand(1), expected)

    def test_what_fails_on_both_says_why(self):
        with pytest.raises(RayPoseError, match="it can't be: division by zero") as raised:
            without_values(lambda device: 1 / 0, "it can't be", "rule")
        assert raised.value.problems[0].rule == "rule"
