"""Parameters and multiply-adds of models against the figures that papers and model zoos publish.

What they call FLOPs is not one thing; `CONVENTIONS` holds what each source counts, in which unit. Multiply-adds alone, as
`cost` counts them, are 0.5 to 2 % less than MMPose's operations where there is no attention.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
import torch
import torchvision
from torch import nn

from raypose import BACKBONES, RayPoseError
from raypose.models.builder import build_model
from raypose.models.cost import Cost, copy_on, cost

pytestmark = pytest.mark.slow

SIZE = (192, 256)
HEATMAPS = {"keypoint_head": {"type": "HeatmapHead"}}
RTM = {"keypoint_head": {"type": "RTMCCHead", "final_layer_kernel_size": 7}, "codec": {"type": "SimCCLabel"}}
DEEPPOSE = {"keypoint_head": {"type": "DeepposeRegressionHead"}}


def weights_at_the_output(layer, given, output):
    """The summary in SimpleBaseline's and HRNet's code: a layer's weights times its output's pixels.

    A transposed convolution of stride 2 has a quarter of that.
    """
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        return layer.weight.numel() * output[0, 0].numel()
    return layer.weight.numel() if isinstance(layer, nn.Linear) else 0


def operations(layer, given, output):
    """mmcv's counter: also biases, normalisation, ReLU, pooling; but no attention, which is no layer's own."""
    biases = output.numel() if getattr(layer, "bias", None) is not None else 0
    if isinstance(layer, nn.Conv2d):
        return layer.weight.numel() * output[0, 0].numel() + biases
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.weight.numel() * given[0, 0].numel() + biases
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features + (layer.out_features if biases else 0)
    if isinstance(layer, (nn.BatchNorm2d, nn.LayerNorm)):
        return 2 * given.numel()
    if isinstance(layer, (nn.ReLU, nn.ReLU6)):
        return output.numel()
    if isinstance(layer, nn.Upsample):
        return output[0, 0].numel()
    return given.numel() if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)) else 0


def layer_by_layer(model, count):
    total = 0

    def add(layer, given, output):
        nonlocal total
        total += count(layer, given[0] if given else None, output)

    model = copy_on("meta", model).eval()
    for layer in model.modules():
        layer.register_forward_hook(add)
    with torch.no_grad():
        model(torch.empty(1, 3, SIZE[1], SIZE[0], device="meta"))
    return total


def as_published(model):
    """AlexNet pads less elsewhere, and its maps are 7x5 instead of 8x6."""
    model.backbone.features[0].padding = (2, 2)
    for layer in model.backbone.features:
        if isinstance(layer, nn.MaxPool2d):
            layer.padding = 0
    return model


# What a source counts.
CONVENTIONS = {
    "multiply-adds in 2^30": lambda model: cost(model, SIZE).flops / 2**30,
    "weights at the output in 2^30": lambda model: layer_by_layer(model, weights_at_the_output) / 2**30,
    "operations": lambda model: layer_by_layer(model, operations) / 1e9,
    "operations in 2^30": lambda model: layer_by_layer(model, operations) / 2**30,
    "operations without AlexNet's padding": lambda model: layer_by_layer(as_published(model), operations) / 1e9,
}


class Published(NamedTuple):
    """Parameters in M and G of what the convention says, at 256x192 with 17 keypoints; as they are printed.

    `cut` says why the last digit of `giga` is not a rounded one.
    """

    backbone: str
    arguments: dict
    rest: dict
    params: str
    giga: str
    convention: str
    cut: str = ""


# HRNet's table 1 (arXiv:1902.09212): SimpleBaseline and HRNet.
HRNET = [
    Published(
        "ResNet", {"depth": 50}, HEATMAPS, "34.0", "8.9", "weights at the output in 2^30", cut="8.99 is printed as 8.9"
    ),
    Published("ResNet", {"depth": 101}, HEATMAPS, "53.0", "12.4", "weights at the output in 2^30"),
    Published("ResNet", {"depth": 152}, HEATMAPS, "68.6", "15.7", "weights at the output in 2^30"),
    Published("HRNet", {"arch": "w32"}, HEATMAPS, "28.5", "7.1", "multiply-adds in 2^30"),
    Published("HRNet", {"arch": "w48"}, HEATMAPS, "63.6", "14.6", "multiply-adds in 2^30"),
]
# Lite-HRNet's README; its M are 2^20, here divided by 2^10.
LITE_HRNET = [
    Published("LiteHRNet", {"depth": 18}, HEATMAPS, "1.1", f"{205.2 / 1024:.6f}", "operations in 2^30"),
    Published("LiteHRNet", {"depth": 30}, HEATMAPS, "1.8", f"{319.2 / 1024:.6f}", "operations in 2^30"),
]
# RTMPose's README.
RTMPOSE = [
    Published("CSPNeXt", {"arch": "t"}, RTM, "3.34", "0.36", "operations"),
    Published("CSPNeXt", {"arch": "s"}, RTM, "5.47", "0.68", "operations"),
    Published("CSPNeXt", {"arch": "m"}, RTM, "13.59", "1.93", "operations"),
    Published("CSPNeXt", {"arch": "l"}, RTM, "27.66", "4.16", "operations"),
    Published("CSPNeXt", {"arch": "t"}, HEATMAPS, "6.03", "1.43", "operations"),
]
# MMPose's get_flops.py on ViTPose's configurations.
VITPOSE = [
    Published("ViT", {"arch": "small"}, HEATMAPS, "24.29", "5.26", "operations"),
    Published("ViT", {"arch": "base"}, HEATMAPS, "89.99", "17.85", "operations"),
    Published("ViT", {"arch": "large"}, HEATMAPS, "308.54", "59.78", "operations"),
    Published("ViT", {"arch": "huge"}, HEATMAPS, "637.21", "122.85", "operations"),
]
# MMPose 0.x, docs/en/inference_speed_summary.md. Its ResNeSts of depth 101 and more have a narrower stem than the paper's.
MMPOSE = [
    Published("AlexNet", {}, HEATMAPS, "5.62", "1.42", "operations without AlexNet's padding"),
    Published("VGG", {}, HEATMAPS, "18.92", "16.22", "operations"),
    Published("MobileNetV2", {}, HEATMAPS, "9.57", "1.59", "operations"),
    Published("ShuffleNetV2", {}, HEATMAPS, "7.55", "1.37", "operations"),
    Published("ResNet", {"depth": 50}, DEEPPOSE, "23.58", "4.04", "operations"),
    Published("ResNeSt", {"depth": 50}, HEATMAPS, "35.93", "6.73", "operations"),
    Published("ResNeXt", {"depth": 50}, HEATMAPS, "33.47", "5.61", "operations"),
    Published("SEResNet", {"depth": 50}, HEATMAPS, "36.53", "5.47", "operations"),
]
MMPOSE_TOO = [
    Published("ResNet", {"depth": 50}, HEATMAPS, "34.00", "5.46", "operations"),
    Published("ResNetV1d", {"depth": 50}, HEATMAPS, "34.02", "5.70", "operations"),
    Published("CSPNeXt", {"arch": "s"}, HEATMAPS, "8.58", "1.78", "operations"),
    Published("CSPNeXt", {"arch": "l"}, HEATMAPS, "32.44", "5.33", "operations"),
    Published("HRNet", {"arch": "w32"}, HEATMAPS, "28.54", "7.70", "operations"),
    Published("ResNet", {"depth": 101}, HEATMAPS, "52.99", "9.11", "operations"),
    Published("ResNet", {"depth": 152}, HEATMAPS, "68.64", "12.77", "operations"),
    Published("ResNetV1d", {"depth": 101}, HEATMAPS, "53.01", "9.35", "operations"),
    Published("ResNetV1d", {"depth": 152}, HEATMAPS, "68.65", "13.01", "operations"),
    Published("ResNeXt", {"depth": 101}, HEATMAPS, "52.62", "9.29", "operations"),
    Published("ResNeXt", {"depth": 152}, HEATMAPS, "68.39", "12.98", "operations"),
    Published("SEResNet", {"depth": 101}, HEATMAPS, "57.77", "9.13", "operations"),
    Published("SEResNet", {"depth": 152}, HEATMAPS, "75.26", "12.79", "operations"),
    Published("HRNet", {"arch": "w48"}, HEATMAPS, "63.60", "15.77", "operations"),
]


def name(row):
    return "-".join(map(str, (row.backbone, *row.arguments.values(), row.rest["keypoint_head"]["type"], row.giga)))


def agrees(value, printed, cut=""):
    """Within 1 %, or the same when it is rounded, or for rows that say so cut, to the digits that were printed."""
    unit, more = 10.0 ** -len(printed.partition(".")[2]), value - float(printed)
    return abs(more) <= 0.01 * float(printed) or (0 <= more < unit if cut else abs(more) <= unit / 2)


@pytest.mark.parametrize(
    ("value", "printed", "cut", "expected"),
    [
        (1.149, "1.1", "", True),
        (1.051, "1.1", "", True),
        (1.19, "1.1", "", False),
        (1.04, "1.1", "", False),
        (101, "100.00", "", True),
        (102, "100.00", "", False),
        (8.99, "8.9", "", False),
        (8.99, "8.9", "a reason", True),
        (9.01, "8.9", "a reason", False),
        (8.8, "8.9", "a reason", False),
    ],
)
def test_what_agrees_is_within_a_percent_or_prints_alike(value, printed, cut, expected):
    assert agrees(value, printed, cut) is expected


@pytest.mark.parametrize("row", [*HRNET, *LITE_HRNET[:1], *RTMPOSE, *VITPOSE[:3]], ids=name)
def test_models_cost_what_is_published(row):
    check(row)


@pytest.mark.slow
@pytest.mark.parametrize("row", [*LITE_HRNET[1:], *VITPOSE[3:], *MMPOSE, *MMPOSE_TOO], ids=name)
def test_large_models_cost_what_is_published(row):
    check(row)


def check(row):
    with torch.device("meta"):
        model = build_model({"backbone": {"type": row.backbone, **row.arguments}, **row.rest}, 17, SIZE)
    params, giga = sum(each.numel() for each in model.parameters()) / 1e6, CONVENTIONS[row.convention](model)
    assert agrees(params, row.params), params
    assert agrees(giga, row.giga, row.cut), giga


# With their classifiers at 224x224: torchvision's tables.
TORCHVISION = [
    ("VGG", {"depth": 11}, "VGG11_BN_Weights", (512 * 49, 4096, 4096, 1000)),
    ("ResNeXt", {"depth": 50}, "ResNeXt50_32X4D_Weights", (2048, 1000)),
    ("MobileNetV2", {}, "MobileNet_V2_Weights", (1280, 1000)),
    ("MobileNetV3", {"arch": "small"}, "MobileNet_V3_Small_Weights", (576, 1024, 1000)),
    ("MobileNetV3", {"arch": "large"}, "MobileNet_V3_Large_Weights", (960, 1280, 1000)),
    ("ShuffleNetV2", {"widen_factor": 0.5}, "ShuffleNet_V2_X0_5_Weights", (1024, 1000)),
    ("ShuffleNetV2", {"widen_factor": 1.5}, "ShuffleNet_V2_X1_5_Weights", (1024, 1000)),
    ("ShuffleNetV2", {"widen_factor": 2.0}, "ShuffleNet_V2_X2_0_Weights", (2048, 1000)),
    ("SwinTransformer", {"arch": "tiny"}, "Swin_T_Weights", (768, 1000)),
    ("ConvNeXt", {"arch": "tiny"}, "ConvNeXt_Tiny_Weights", (768, 1000)),
]
# Papers' tables, likewise: M parameters and GFLOPs.
PAPERS = [
    ("ResNeSt", {"depth": 50}, "27.5", "5.39", (2048, 1000)),
    ("ResNeSt", {"depth": 101}, "48.3", "10.2", (2048, 1000)),
    ("SEResNeXt", {}, "27.6", "4.25", (2048, 1000)),
    ("RegNet", {"arch": "regnetx_400mf"}, "5.2", "0.4", (384, 1000)),
    ("RegNet", {"arch": "regnety_1.6gf"}, "11.2", "1.6", (888, 1000)),
    ("PyramidVisionTransformerV2", {"arch": "b2"}, "25.4", "4.0", (512, 1000)),
]


def classified(backbone, arguments, layers):
    """The cost of a backbone at 224x224 with a classifier of these layers."""
    with torch.device("meta"):
        body = cost(BACKBONES.build({"type": backbone, **arguments}), (224, 224))
    weights = sum(i * o for i, o in itertools.pairwise(layers))
    return Cost(body.params + weights + sum(layers[1:]), body.flops + weights)


@pytest.mark.parametrize(("backbone", "arguments", "weights", "layers"), TORCHVISION)
def test_backbones_cost_what_torchvision_says(backbone, arguments, weights, layers):
    published = torchvision.models.get_weight(f"{weights}.DEFAULT").meta
    counted = classified(backbone, arguments, layers)
    assert counted.params == published["num_params"]
    assert agrees(counted.flops / 1e9, str(published["_ops"])), counted


@pytest.mark.parametrize(("backbone", "arguments", "params", "giga", "layers"), PAPERS)
def test_backbones_cost_what_papers_say(backbone, arguments, params, giga, layers):
    counted = classified(backbone, arguments, layers)
    assert agrees(counted.params / 1e6, params), counted
    assert agrees(counted.flops / 1e9, giga), counted


class TestCost:
    def test_a_convolution_and_a_product(self):
        net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        counted = cost(net.append(nn.Linear(8, 5)), (16, 10))
        assert counted.params == 3 * 9 * 8 + 8 + 16 + 45
        assert counted.flops == 3 * 9 * 8 * 160 + 40
        assert "M parameters" in str(counted)

    def test_the_model_is_left_as_it_is(self):
        net = BACKBONES.build({"type": "MobileNetV3"}).train()
        net.features[0].eval()  # frozen
        before = {name: (value.data_ptr(), value.clone()) for name, value in net.state_dict().items()}
        on_cpu = cost(net, (64, 64))
        assert net.training
        assert not net.features[0].training
        for name, value in net.state_dict().items():
            assert value.data_ptr() == before[name][0]
            assert torch.equal(value, before[name][1])
        with torch.device("meta"):
            assert cost(BACKBONES.build({"type": "MobileNetV3"}), (64, 64)) == on_cpu

    def test_shared_weights_count_once(self):
        layer = nn.Conv2d(3, 3, 1, bias=False)
        assert cost(nn.Sequential(layer, layer), (4, 4)) == Cost(9, 2 * 9 * 16)

    def test_what_cannot_run_says_so(self):
        with pytest.raises(RayPoseError, match=r"Linear fails on \[3, 4, 8\]"):
            cost(nn.Linear(3, 3), (8, 4))
