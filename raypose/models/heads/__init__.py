"""Heads: feature maps in, heatmaps, coordinates or the like out; `raypose.kinds` lists what."""

from raypose.models.heads.heatmap import HeatmapHead
from raypose.models.heads.integral import DSNTHead, IntegralRegressionHead
from raypose.models.heads.multi_stage import TopdownHeatmapMultiStageHead
from raypose.models.heads.regression import DeepposeRegressionHead, RLEHead
from raypose.models.heads.rtmcc import RTMCCHead
from raypose.models.heads.simcc import SimCCHead

__all__ = [
    "DSNTHead",
    "DeepposeRegressionHead",
    "HeatmapHead",
    "IntegralRegressionHead",
    "RLEHead",
    "RTMCCHead",
    "SimCCHead",
    "TopdownHeatmapMultiStageHead",
]
