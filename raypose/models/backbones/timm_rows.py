"""The convolutional backbones that timm has, under MMPose's names and with its arguments."""

from __future__ import annotations

from typing import Any

from raypose.models.backbones.rows import Factor, Net, Option, Row, backbone, drop_path
from raypose.models.backbones.timm_backbone import TimmBackbone

DEPTH = "layers, counted as in the paper."
MMPOSE = "MMPose's table (inference_speed_summary.md), with a HeatmapHead at 256x192:"

# The size in MMPose's names of RegNets, which is their multiply-adds at 224x224, and in timm's.
REGNETS = {
    "400mf": "004",
    "800mf": "008",
    "1.6gf": "016",
    "3.2gf": "032",
    "4.0gf": "040",
    "6.4gf": "064",
    "8.0gf": "080",
    "12gf": "120",
}


def _net(name: str, **options: Any) -> Net:
    return Net(name, f"timm/{name}", options)


def _untrained(name: str, **options: Any) -> Net:
    return Net(name, None, options)


def _hrnet(width: int) -> Net:
    # Without the layers that widen the branches for ImageNet's classes.
    return _net(f"hrnet_w{width}", features_only=True, feature_location="")


ROWS = [
    Row(
        "ResNetV1d",
        'ResNet-D (He et al. 2018, "Bag of tricks", arXiv:1812.01187): a stem of three convolutions, and short cuts that '
        "average before they drop pixels.",
        f"{MMPOSE} 34.02 M, 53.01 M and 68.65 M parameters at depth 50, 101 and 152.",
        {depth: _net(f"resnet{depth}d") for depth in (18, 34, 50, 101, 152, 200)},
        argument="depth",
        explained=DEPTH,
        default=50,
        options=drop_path(),
    ),
    Row(
        "ResNeSt",
        "ResNeSt (Zhang et al. 2020, arXiv:2004.08955): a ResNet-D with attention over two splits of each block. Training "
        "needs batches of two.",
        "The paper's table, with the classifier at 224x224: 27.5 M parameters and 5.39 G multiply-adds at depth 50, 48.3 M "
        "and 10.2 G at depth 101. MMPose's configurations give the deeper ones the narrower stem of depth 50.",
        {
            50: _net("resnest50d"),
            101: _net("resnest101e"),
            200: _net("resnest200e"),
            269: _net("resnest269e"),
        },
        argument="depth",
        explained=DEPTH,
        default=50,
        options=drop_path(),
    ),
    Row(
        "SEResNet",
        "SE-ResNet (Hu et al. 2017, arXiv:1709.01507): a ResNet whose blocks weigh their channels.",
        f"{MMPOSE} 36.53 M, 57.77 M and 75.26 M parameters at depth 50, 101 and 152.",
        {
            18: _untrained("seresnet18"),
            34: _untrained("seresnet34"),
            50: _net("seresnet50"),
            101: _untrained("seresnet101"),
            152: _untrained("seresnet152"),
        },
        argument="depth",
        explained=DEPTH,
        default=50,
        options=drop_path(),
    ),
    Row(
        "SEResNeXt",
        "SE-ResNeXt 32x4d (Hu et al. 2017, arXiv:1709.01507): a ResNeXt whose blocks weigh their channels.",
        "timm's table, with the classifier at 224x224: 27.6 M parameters and 4.3 G multiply-adds at depth 50.",
        {
            50: _net("seresnext50_32x4d"),
            101: _net("seresnext101_32x4d"),
            152: _untrained("seresnext101_32x4d", layers=(3, 8, 36, 3)),
        },
        argument="depth",
        explained=DEPTH,
        default=50,
        options=drop_path(),
    ),
    Row(
        "RegNet",
        "RegNet (Radosavovic et al. 2020, arXiv:2003.13678): depth and widths along a line; y has squeeze and excitation.",
        "The paper's table, with the classifier at 224x224: 5.2 M parameters and 0.4 G multiply-adds (regnetx_400mf).",
        {f"regnet{kind}_{size}": _net(f"regnet{kind}_{name}") for kind in "xy" for size, name in REGNETS.items()},
        argument="arch",
        explained="the paper's network; the number is its multiply-adds at 224x224.",
        default="regnetx_400mf",
        options=drop_path(),
    ),
    Row(
        "HRNet",
        "HRNet (Sun et al. 2019, arXiv:1902.09212): branches of stride 4 to 32 side by side, which exchange their maps. "
        "The weights' names are MMPose's too.",
        "The paper's table 1, with a convolution for a head at 256x192: 28.5 M parameters and 7.1 G multiply-adds (w32), "
        "63.6 M and 14.6 G (w48), in units of 2^30.",
        {f"w{width}": _hrnet(width) for width in (18, 30, 32, 40, 44, 48, 64)},
        argument="arch",
        explained="w, and the channels of the finest branch.",
        default="w32",
        out_indices=(0,),
        maps="which branches' maps to give, 0 (stride 4), the one that MMPose's heads take, to 3 (stride 32).",
        size_divisor=32,
    ),
    Row(
        "CSPNeXt",
        'CSPNeXt (Lyu et al. 2022, "RTMDet", arXiv:2212.07784), the backbone of RTMPose (arXiv:2303.07399).',
        "RTMPose's table, with an RTMCCHead at 256x192: 3.34 M (t), 5.47 M (s), 13.59 M (m) and 27.66 M (l) parameters.",
        {
            "t": _net("cspnext_tiny"),
            "s": _net("cspnext_s"),
            "m": _net("cspnext_m"),
            "l": _net("cspnext_l"),
            "x": _net("cspnext_x"),
            "P5": _net("cspnext_l"),
        },
        argument="arch",
        explained="RTMPose's size; or P5, MMPose's name of the network that the factors scale, l without them.",
        default="m",
        options={
            "deepen_factor": Option(Factor | None, None, "blocks of a stage, relative to l; default: those of `arch`."),
            "widen_factor": Option(Factor | None, None, "channels, relative to l; default: those of `arch`."),
            **drop_path(),
        },
    ),
]

ResNetV1d, ResNeSt, SEResNet, SEResNeXt, RegNet, HRNet, CSPNeXt = (
    backbone(TimmBackbone, row, __name__) for row in ROWS
)
