"""Codecs: keypoints to training targets, and a model's output back to keypoints."""

from raypose.codecs.integral import IntegralRegressionLabel
from raypose.codecs.msra import MSRAHeatmap

__all__ = ["IntegralRegressionLabel", "MSRAHeatmap"]
