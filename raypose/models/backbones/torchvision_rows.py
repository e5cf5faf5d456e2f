"""The backbones that torchvision has, under MMPose's names and with its arguments."""

from __future__ import annotations

from typing import Any

from torch import nn

from raypose.models.backbones.rows import Net, Row, backbone
from raypose.models.backbones.torchvision_backbone import TorchvisionBackbone

LAYERS = ("layer1", "layer2", "layer3", "layer4")
BASIC, BOTTLENECK = (64, 128, 256, 512), (256, 512, 1024, 2048)
VGG_CHANNELS = (128, 256, 512, 512)
SHUFFLE = ("maxpool", "stage2", "stage3", "conv5")
MOBILE = ("features.3", "features.6", "features.13", "features.18")
GROUPS = {"groups": 32, "width_per_group": 4}

DEPTH = "layers, counted as in the paper."
MMPOSE = "MMPose's table (inference_speed_summary.md), with a HeatmapHead at 256x192:"


def keep_multiples(net: Any) -> None:
    """Pad AlexNet's strided layers, so that a map is the image divided by its stride, which the original misses."""
    net.features[0].padding = (4, 4)
    for layer in net.features:
        if isinstance(layer, nn.MaxPool2d):
            layer.padding = 1


def _resnet(depth: int, channels: tuple[int, ...]) -> Net:
    return Net(f"resnet{depth}", f"ResNet{depth}_Weights.DEFAULT", ends=LAYERS, channels=channels)


def _resnext(depth: int, weights: str | None) -> Net:
    return Net(f"resnet{depth}", weights, GROUPS, LAYERS, BOTTLENECK)


def _features(name: str, weights: str, ends: tuple[int, ...], channels: tuple[int, ...]) -> Net:
    return Net(name, f"{weights}_Weights.DEFAULT", ends=tuple(f"features.{i}" for i in ends), channels=channels)


def _vgg(depth: int, *pools: int) -> Net:
    return _features(f"vgg{depth}_bn", f"VGG{depth}_BN", pools, VGG_CHANNELS)


def _mobilenet_v2(width: float, *channels: int) -> Net:
    weights = "MobileNet_V2_Weights.DEFAULT" if width == 1 else None
    return Net("mobilenet_v2", weights, {"width_mult": width}, MOBILE, channels)


def _shufflenet(width: str, *channels: int) -> Net:
    return Net(f"shufflenet_v2_x{width}", f"ShuffleNet_V2_X{width}_Weights.DEFAULT", ends=SHUFFLE, channels=channels)


ROWS = [
    Row(
        "AlexNet",
        "AlexNet (Krizhevsky 2014, arXiv:1404.5997): five convolutions. Its strided layers are padded here, so that maps "
        "are exactly 1/4, 1/8, 1/16 and 1/32 of the image, as every other backbone's.",
        f"{MMPOSE} 5.62 M parameters.",
        {None: _features("alexnet", "AlexNet", (1, 2, 5, 12), (64, 64, 192, 256))},
        adapt=keep_multiples,
    ),
    Row(
        "VGG",
        "VGG (Simonyan & Zisserman 2014, arXiv:1409.1556) with batch normalisation, as in MMPose's configurations.",
        f"{MMPOSE} 18.92 M parameters and 16.22 G operations at depth 16.",
        {
            11: _vgg(11, 7, 14, 21, 28),
            13: _vgg(13, 13, 20, 27, 34),
            16: _vgg(16, 13, 23, 33, 43),
            19: _vgg(19, 13, 26, 39, 52),
        },
        argument="depth",
        explained=DEPTH,
        default=16,
    ),
    Row(
        "ResNet",
        "ResNet (He et al. 2015, arXiv:1512.03385): four stages of residual blocks. The weights' names are MMPose's too.",
        "HRNet's table 1 (arXiv:1902.09212), with a HeatmapHead at 256x192: 34.0 M, 53.0 M and 68.6 M parameters at "
        "depth 50, 101 and 152.",
        {depth: _resnet(depth, BASIC if depth < 50 else BOTTLENECK) for depth in (18, 34, 50, 101, 152)},
        argument="depth",
        explained=DEPTH,
        default=50,
    ),
    Row(
        "ResNeXt",
        "ResNeXt 32x4d (Xie et al. 2016, arXiv:1611.05431): a ResNet whose 3x3 convolutions have 32 groups.",
        f"{MMPOSE} 33.47 M, 52.62 M and 68.39 M parameters at depth 50, 101 and 152.",
        {
            50: _resnext(50, "ResNeXt50_32X4D_Weights.DEFAULT"),
            101: _resnext(101, "timm/resnext101_32x4d"),
            152: _resnext(152, None),
        },
        argument="depth",
        explained=DEPTH,
        default=50,
    ),
    Row(
        "MobileNetV2",
        "MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381): inverted residuals.",
        f"{MMPOSE} 9.57 M parameters and 1.59 G operations.",
        {
            0.35: _mobilenet_v2(0.35, 8, 16, 32, 1280),
            0.5: _mobilenet_v2(0.5, 16, 16, 48, 1280),
            0.75: _mobilenet_v2(0.75, 24, 24, 72, 1280),
            1.0: _mobilenet_v2(1.0, 24, 32, 96, 1280),
            1.4: _mobilenet_v2(1.4, 32, 48, 136, 1792),
        },
        argument="widen_factor",
        explained="what the channels are multiplied by; the paper's values.",
        default=1.0,
    ),
    Row(
        "MobileNetV3",
        "MobileNetV3 (Howard et al. 2019, arXiv:1905.02244): inverted residuals with squeeze and excitation.",
        "torchvision's table, with the classifier at 224x224: 2.5 M parameters and 0.06 G multiply-adds (small), 5.5 M "
        "and 0.22 G (large).",
        {
            "small": _features("mobilenet_v3_small", "MobileNet_V3_Small", (1, 3, 8, 12), (16, 24, 48, 576)),
            "large": _features("mobilenet_v3_large", "MobileNet_V3_Large", (3, 6, 12, 16), (24, 40, 112, 960)),
        },
        argument="arch",
        explained="the paper's small or large network.",
        default="small",
    ),
    Row(
        "ShuffleNetV2",
        "ShuffleNetV2 (Ma et al. 2018, arXiv:1807.11164): one half of the channels is convolved, then both are shuffled.",
        f"{MMPOSE} 7.55 M parameters and 1.37 G operations.",
        {
            0.5: _shufflenet("0_5", 24, 48, 96, 1024),
            1.0: _shufflenet("1_0", 24, 116, 232, 1024),
            1.5: _shufflenet("1_5", 24, 176, 352, 1024),
            2.0: _shufflenet("2_0", 24, 244, 488, 2048),
        },
        argument="widen_factor",
        explained="the paper's width.",
        default=1.0,
    ),
]

AlexNet, VGG, ResNet, ResNeXt, MobileNetV2, MobileNetV3, ShuffleNetV2 = (
    backbone(TorchvisionBackbone, row, __name__) for row in ROWS
)
