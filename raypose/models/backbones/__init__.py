"""Backbones: images in, feature maps out."""

from raypose.models.backbones.hourglass import HourglassNet
from raypose.models.backbones.lite_hrnet import LiteHRNet
from raypose.models.backbones.timm_any import Timm
from raypose.models.backbones.timm_rows import CSPNeXt, HRNet, RegNet, ResNeSt, ResNetV1d, SEResNet, SEResNeXt
from raypose.models.backbones.timm_transformers import ConvNeXt, PyramidVisionTransformerV2, SwinTransformer, ViT
from raypose.models.backbones.torchvision_rows import (
    VGG,
    AlexNet,
    MobileNetV2,
    MobileNetV3,
    ResNet,
    ResNeXt,
    ShuffleNetV2,
)

__all__ = [
    "VGG",
    "AlexNet",
    "CSPNeXt",
    "ConvNeXt",
    "HRNet",
    "HourglassNet",
    "LiteHRNet",
    "MobileNetV2",
    "MobileNetV3",
    "PyramidVisionTransformerV2",
    "RegNet",
    "ResNeSt",
    "ResNeXt",
    "ResNet",
    "ResNetV1d",
    "SEResNeXt",
    "SEResNet",
    "ShuffleNetV2",
    "SwinTransformer",
    "Timm",
    "ViT",
]
