"""All the layouts that checkpoints are tried in."""

from __future__ import annotations

from raypose.models.pretrained.convolutional import CONVOLUTIONAL
from raypose.models.pretrained.layout import Layout
from raypose.models.pretrained.transformers import TRANSFORMERS

# Where two fit alike the first is taken.
LAYOUTS = (
    Layout("the same names: ResNet, ResNeXt, HRNet and HourglassNet everywhere, AlexNet in MMPose and torchvision"),
    *CONVOLUTIONAL,
    *TRANSFORMERS,
    # RLE's flow belongs to the loss; heads that read heatmaps are such a head here, and have one there.
    Layout("MMPose's heads", ((r"\bloss(_module)?\.", "loss_keypoint."), (r"\bsimplebaseline_head\.", ""))),
)
