"""Losses between a head's output and a codec's targets."""

from raypose.models.losses.adaptive_wing import AdaptiveWingLoss
from raypose.models.losses.coordinates import L1Loss, SmoothL1Loss
from raypose.models.losses.cross_entropy import SpatialCrossEntropyLoss
from raypose.models.losses.mse import JointsMSELoss
from raypose.models.losses.ohkm import JointsOHKMMSELoss
from raypose.models.losses.weighted import weighted_loss

__all__ = [
    "AdaptiveWingLoss",
    "JointsMSELoss",
    "JointsOHKMMSELoss",
    "L1Loss",
    "SmoothL1Loss",
    "SpatialCrossEntropyLoss",
    "weighted_loss",
]
