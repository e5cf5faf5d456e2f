"""Backbones: images in, feature maps out."""

from raypose.models.backbones.hourglass import HourglassNet
from raypose.models.backbones.mobilenet_v3 import MobileNetV3
from raypose.models.backbones.resnet import ResNet

__all__ = ["HourglassNet", "MobileNetV3", "ResNet"]
