"""Necks: feature maps in, feature maps out."""

from raypose.models.necks.feature_map_processor import FeatureMapProcessor
from raypose.models.necks.fpn import FPN
from raypose.models.necks.pooling import GlobalAveragePooling

__all__ = ["FPN", "FeatureMapProcessor", "GlobalAveragePooling"]
