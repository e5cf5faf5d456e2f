"""Convolutional networks: from MMPose's, torchvision's and timm's names to those of the library that is used here."""

from __future__ import annotations

from raypose.models.pretrained.conversions import number_vgg_layers
from raypose.models.pretrained.layout import TOP, Layout, shifted


def mobilenet_v2_block(stage: int, block: int) -> str:
    """Where torchvision's MobileNetV2 has a block of a stage: it counts them all, after the first convolution."""
    return f"features.{1 + sum((1, 2, 3, 4, 3, 3, 1)[:stage]) + block}."


CONVOLUTIONAL = (
    Layout(
        "MMPose's ResNetV1d and ResNeSt",
        (
            (r"\bstem\.0\.conv\.", "conv1.0."),
            (r"\bstem\.0\.bn\.", "conv1.1."),
            (r"\bstem\.1\.conv\.", "conv1.3."),
            (r"\bstem\.1\.bn\.", "conv1.4."),
            (r"\bstem\.2\.conv\.", "conv1.6."),
            (r"\bstem\.2\.bn\.", "bn1."),
            # timm has a pooling layer here, be it one that does nothing.
            (r"\blayer1\.0\.downsample\.1\.", "layer1.0.downsample.2."),
            (r"\blayer1\.0\.downsample\.0\.", "layer1.0.downsample.1."),
        ),
    ),
    Layout("MMPose's SEResNet and SEResNeXt", ((r"\bse_layer\.conv(\d)\.conv\.", r"se.fc\1."),)),
    Layout(
        "MMPose's RegNet",
        (
            (r"\blayer(\d)\.(\d+)\.conv(\d)\.", shifted("s{}.b{}.conv{}.conv.", 1, 2)),
            (r"\blayer(\d)\.(\d+)\.bn(\d)\.", shifted("s{}.b{}.conv{}.bn.", 1, 2)),
            (r"\blayer(\d)\.(\d+)\.downsample\.0\.", shifted("s{}.b{}.downsample.conv.", 1, 2)),
            (r"\blayer(\d)\.(\d+)\.downsample\.1\.", shifted("s{}.b{}.downsample.bn.", 1, 2)),
            (TOP + r"conv1\.", "stem.conv."),
            (TOP + r"bn1\.", "stem.bn."),
        ),
    ),
    Layout("timm's ConvNeXt", ((r"\bhead\.norm\.", "norm_pre."),)),
    Layout("MMPose's CSPNeXt", ((r"\bstage(\d)\.", shifted("stages.{}.", -1)),)),
    Layout(
        "MMPose's MobileNetV2",
        (
            (r"\bconv1\.conv\.", "features.0.0."),
            (r"\bconv1\.bn\.", "features.0.1."),
            (r"\bconv2\.conv\.", "features.18.0."),
            (r"\bconv2\.bn\.", "features.18.1."),
            (r"\blayer1\.0\.conv\.1\.conv\.", "layer1.0.conv.1."),
            (r"\blayer1\.0\.conv\.1\.bn\.", "layer1.0.conv.2."),
            (r"\bconv\.([01])\.conv\.", r"conv.\1.0."),
            (r"\bconv\.([01])\.bn\.", r"conv.\1.1."),
            (r"\bconv\.2\.conv\.", "conv.2."),
            (r"\bconv\.2\.bn\.", "conv.3."),
            (r"\blayer(\d)\.(\d)\.", lambda match: mobilenet_v2_block(int(match[1]) - 1, int(match[2]))),
        ),
    ),
    Layout(
        "timm's MobileNetV2",
        (
            (r"\bconv_stem\.", "features.0.0."),
            (r"\bconv_head\.", "features.18.0."),
            (TOP + r"bn1\.", "features.0.1."),
            (TOP + r"bn2\.", "features.18.1."),
            (r"\bblocks\.0\.0\.conv_dw\.", "blocks.0.0.conv.0.0."),
            (r"\bblocks\.0\.0\.conv_pw\.", "blocks.0.0.conv.1."),
            (r"\bblocks\.0\.0\.bn2\.", "blocks.0.0.conv.2."),
            (r"\bconv_pw\.", "conv.0.0."),
            (r"\bbn1\.", "conv.0.1."),
            (r"\bconv_dw\.", "conv.1.0."),
            (r"\bbn2\.", "conv.1.1."),
            (r"\bconv_pwl\.", "conv.2."),
            (r"\bbn3\.", "conv.3."),
            (r"\bblocks\.(\d)\.(\d)\.", lambda match: mobilenet_v2_block(int(match[1]), int(match[2]))),
        ),
    ),
    Layout(
        "MMPose's ShuffleNetV2",
        (
            (r"\bconv1\.conv\.", "conv1.0."),
            (r"\bconv1\.bn\.", "conv1.1."),
            (r"\blayers\.3\.conv\.", "conv5.0."),
            (r"\blayers\.3\.bn\.", "conv5.1."),
            (r"\bbranch1\.0\.conv\.", "branch1.0."),
            (r"\bbranch1\.0\.bn\.", "branch1.1."),
            (r"\bbranch1\.1\.conv\.", "branch1.2."),
            (r"\bbranch1\.1\.bn\.", "branch1.3."),
            (r"\bbranch2\.0\.conv\.", "branch2.0."),
            (r"\bbranch2\.0\.bn\.", "branch2.1."),
            (r"\bbranch2\.1\.conv\.", "branch2.3."),
            (r"\bbranch2\.1\.bn\.", "branch2.4."),
            (r"\bbranch2\.2\.conv\.", "branch2.5."),
            (r"\bbranch2\.2\.bn\.", "branch2.6."),
            (r"\blayers\.(\d)\.", shifted("stage{}.", 2)),
        ),
    ),
    Layout("MMPose's VGG", convert=number_vgg_layers),
    Layout(
        "torchvision's RegNet",
        (
            (r"\bstem\.0\.", "stem.conv."),
            (r"\bstem\.1\.", "stem.bn."),
            (r"\btrunk_output\.block(\d)\.block\d-(\d+)\.", shifted("s{}.b{}.", 1, 2)),
            (r"\bproj\.0\.", "downsample.conv."),
            (r"\bproj\.1\.", "downsample.bn."),
            (r"\bf\.se\.", "se."),
            (r"\bf\.a\.", "conv1."),
            (r"\bf\.b\.", "conv2."),
            (r"\bf\.c\.", "conv3."),
            (r"\b(conv\d)\.0\.", r"\1.conv."),
            (r"\b(conv\d)\.1\.", r"\1.bn."),
        ),
    ),
    Layout(
        "torchvision's ConvNeXt",
        (
            (r"\bfeatures\.0\.", "stem."),
            (r"\bfeatures\.([246])\.", lambda match: f"stages.{int(match[1]) // 2}.downsample."),
            (r"\bfeatures\.([1357])\.(\d+)\.", lambda match: f"stages.{int(match[1]) // 2}.blocks.{match[2]}."),
            (r"\bblock\.0\.", "conv_dw."),
            (r"\bblock\.2\.", "norm."),
            (r"\bblock\.3\.", "mlp.fc1."),
            (r"\bblock\.5\.", "mlp.fc2."),
            (r"\blayer_scale$", "gamma"),
            (r"\bclassifier\.0\.", "norm_pre."),
        ),
    ),
)
