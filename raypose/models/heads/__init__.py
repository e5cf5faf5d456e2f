"""Heads: feature maps in, heatmaps or coordinates out."""

from raypose.models.heads.heatmap import HeatmapHead
from raypose.models.heads.integral import IntegralRegressionHead
from raypose.models.heads.multi_stage import TopdownHeatmapMultiStageHead

__all__ = ["HeatmapHead", "IntegralRegressionHead", "TopdownHeatmapMultiStageHead"]
