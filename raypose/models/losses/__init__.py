"""Losses between a head's output and a codec's targets."""

from raypose.models.losses.adaptive_wing import AdaptiveWingLoss
from raypose.models.losses.bone import BoneLoss
from raypose.models.losses.combined import CombinedTargetMSELoss
from raypose.models.losses.coordinates import L1Loss, MSELoss, SmoothL1Loss
from raypose.models.losses.cross_entropy import SpatialCrossEntropyLoss
from raypose.models.losses.discrete import JSDiscretLoss, KLDiscretLoss
from raypose.models.losses.focal import FocalHeatmapLoss
from raypose.models.losses.mse import JointsMSELoss
from raypose.models.losses.multiple import MultipleLossWrapper
from raypose.models.losses.ohkm import JointsOHKMMSELoss
from raypose.models.losses.oks import OKSLoss
from raypose.models.losses.rle import RLELoss
from raypose.models.losses.weighted import weighted_loss
from raypose.models.losses.wing import SoftWingLoss, WingLoss

__all__ = [
    "AdaptiveWingLoss",
    "BoneLoss",
    "CombinedTargetMSELoss",
    "FocalHeatmapLoss",
    "JSDiscretLoss",
    "JointsMSELoss",
    "JointsOHKMMSELoss",
    "KLDiscretLoss",
    "L1Loss",
    "MSELoss",
    "MultipleLossWrapper",
    "OKSLoss",
    "RLELoss",
    "SmoothL1Loss",
    "SoftWingLoss",
    "SpatialCrossEntropyLoss",
    "WingLoss",
    "weighted_loss",
]
