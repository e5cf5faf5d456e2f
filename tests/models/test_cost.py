"""What models cost, against the same models with weights and torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from raypose import BACKBONES, RayPoseError
from raypose.models.builder import build_model
from raypose.models.cost import Cost, copy_on, cost, count
from raypose.models.footprint_model import NeckStep
from raypose.models.ports import as_stages, image
from raypose.models.topdown import select

SIZE = (64, 96)
MODELS = [
    {
        "backbone": {"type": "MobileNetV3", "out_indices": [1, 2, 3]},
        "neck": {"type": "FPN", "out_channels": 32},
        "keypoint_head": {"type": "DSNTHead"},
    },
    {"backbone": {"type": "ViT", "arch": "small"}, "keypoint_head": {"type": "RLEHead"}},
]
MORE_MODELS = [
    {"backbone": {"type": "ResNet", "depth": 18}, "keypoint_head": {"type": "HeatmapHead"}},
    {"backbone": {"type": "CSPNeXt", "arch": "t"}, "keypoint_head": {"type": "RTMCCHead"}},
    {"backbone": {"type": "HRNet", "arch": "w32"}, "keypoint_head": {"type": "SimCCHead"}},
    {"backbone": {"type": "LiteHRNet"}, "keypoint_head": {"type": "HeatmapHead"}},
    {"backbone": {"type": "SwinTransformer", "arch": "tiny"}, "keypoint_head": {"type": "HeatmapHead"}},
    {"backbone": {"type": "HourglassNet", "num_stacks": 2}, "keypoint_head": {"type": "TopdownHeatmapMultiStageHead"}},
]


def name(cfg):
    return f"{cfg['backbone']['type']}-{cfg['keypoint_head']['type']}"


@torch.no_grad()
def counted_with_values(model):
    """Torch's counter on one image with values: twice the multiply-adds; it doesn't know the fused attention of CPUs."""
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):
        model.eval()(torch.rand(1, 3, SIZE[1], SIZE[0]))
    return counter.get_total_flops()


@pytest.mark.parametrize(
    "cfg", [*MODELS, *(pytest.param(cfg, marks=pytest.mark.slow) for cfg in MORE_MODELS)], ids=name
)
def test_a_model_without_values_costs_what_the_built_one_has(cfg):
    with torch.device("meta"):
        planned = build_model(cfg, 17, SIZE)
    built = build_model(cfg, 17, SIZE, init_weights=False)
    counted = cost(planned, SIZE)
    assert counted.params == sum(each.numel() for each in built.parameters())
    assert 2 * counted.flops == 2 * sum(by_component(planned)) == counted_with_values(built)


@torch.no_grad()
def by_component(model):
    """The multiply-adds of backbone, neck and head."""
    multi_stage = getattr(model.backbone, "multi_stage", False)
    stages = as_stages(model.eval().backbone(image(SIZE)), multi_stage)
    yield count(model.backbone, image(SIZE))
    if model.neck is not None:
        neck = NeckStep(model.neck)
        yield count(neck, stages)
        stages = neck(stages)
    yield count(model.keypoint_head, select(stages, model.keypoint_head))


class Thresholded(nn.Sequential):
    """Reads a value, which `meta` has not."""

    def forward(self, x):
        return super().forward(x) if float(x.sum()) <= 0 else x


def test_what_reads_values_is_counted_on_the_cpu():
    assert cost(Thresholded(nn.Conv2d(3, 4, 1, bias=False)), (4, 2)) == Cost(12, 12 * 8)


class Attention(nn.Module):
    def forward(self, x):
        return nn.functional.scaled_dot_product_attention(x, x, x)


def test_attention_counts_on_either_device():
    given = torch.empty(2, 3, 10, 8)
    assert count(Attention(), given) == count(Thresholded(Attention()), given) == 2 * 3 * 10 * 10 * 8


def test_what_fails_says_on_what():
    with pytest.raises(RayPoseError, match=r"Linear fails on \[5\]: "):
        count(nn.Linear(3, 3), torch.empty(2, 5))


def test_memory_is_told_where_it_is_known():
    assert str(Cost(23_508_032, 4_003_725_312)) == "23.51 M parameters, 4 GFLOPs"
    assert str(Cost(23_508_032, 4_003_725_312, 917_400_000)).endswith("4 GFLOPs, 0.917 GB in training")


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_copy_has_the_same_form_and_none_of_the_weights(device):
    net = BACKBONES.build({"type": "ResNet", "depth": 18})
    net.conv1.weight.requires_grad_(False)
    net.layer1[0].conv2.weight = net.layer1[0].conv1.weight
    copy = copy_on(device, net)
    assert copy.layer1[0].conv2.weight is copy.layer1[0].conv1.weight
    assert not copy.conv1.weight.requires_grad
    for (key, value), (other, mine) in zip(net.state_dict().items(), copy.state_dict().items(), strict=True):
        assert (key, value.shape, value.dtype, device) == (other, mine.shape, mine.dtype, mine.device.type)
        assert value.data_ptr() != mine.data_ptr() or device == "meta"
    assert net.bn1.weight.eq(1).all()
