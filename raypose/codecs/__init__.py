"""Codecs: keypoints to training targets, and a model's output back to keypoints."""

from raypose.codecs.integral import IntegralRegressionLabel
from raypose.codecs.megvii import MegviiHeatmap
from raypose.codecs.msra import MSRAHeatmap
from raypose.codecs.regression import RegressionLabel
from raypose.codecs.simcc import SimCCLabel
from raypose.codecs.udp import UDPHeatmap

__all__ = [
    "IntegralRegressionLabel",
    "MSRAHeatmap",
    "MegviiHeatmap",
    "RegressionLabel",
    "SimCCLabel",
    "UDPHeatmap",
]
