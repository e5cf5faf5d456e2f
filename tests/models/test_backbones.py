from __future__ import annotations

import pytest
import torch
import torchvision

from raypose import BACKBONES
from raypose.models.backbones import HourglassNet, MobileNetV3, ResNet
from raypose.models.heads import HeatmapHead

HEAD_OF_RESNET = {18: 513_000, 34: 513_000, 50: 2_049_000, 101: 2_049_000, 152: 2_049_000}  # its fc layer


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("depth", HEAD_OF_RESNET)
def test_resnets_have_the_published_number_of_weights(depth):
    published = getattr(torchvision.models, f"ResNet{depth}_Weights").IMAGENET1K_V1.meta["num_params"]
    with torch.device("meta"):
        assert count(ResNet(depth)) == published - HEAD_OF_RESNET[depth]


def test_resnet_computes_what_torchvisions_does():
    torch.manual_seed(0)
    net, image = torchvision.models.resnet18(weights=None).eval(), torch.randn(1, 3, 64, 64)
    backbone = ResNet(18).eval()
    missing = backbone.load_state_dict(net.state_dict(), strict=False)
    assert missing.missing_keys == []
    assert missing.unexpected_keys == ["fc.weight", "fc.bias"]
    logits = net.fc(backbone(image)[-1].mean((2, 3)))
    torch.testing.assert_close(logits, net(image))


@pytest.mark.parametrize("arch", ["small", "large"])
def test_mobilenet_computes_what_torchvisions_does(arch):
    torch.manual_seed(0)
    net, image = torchvision.models.get_model(f"mobilenet_v3_{arch}", weights=None).eval(), torch.randn(1, 3, 64, 64)
    backbone = MobileNetV3(arch).eval()
    assert backbone.load_state_dict(net.state_dict(), strict=False).missing_keys == []
    torch.testing.assert_close(backbone(image)[-1], net.features(image))


def test_hourglass_is_the_published_network():
    # MMPose counts 94.85 million with its head, among them one residual block of 1,180,672 that a single stack has no
    # use for.
    with torch.device("meta"):
        weights = count(HourglassNet(num_stacks=1)) + count(HeatmapHead(256, 17, num_deconv_layers=0))
    assert weights + 1_180_672 == pytest.approx(94.85e6, rel=1e-4)


@pytest.mark.parametrize("stem_stride", [2, 4])
def test_hourglass_stacks_widths_and_strides(stem_stride):
    net = HourglassNet(3, 2, feat_channel=12, growth=1.5, stage_blocks=[1, 2, 1, 1], stem_stride=stem_stride).eval()
    stages = net(torch.randn(1, 3, 64, 96))
    assert [[tuple(m.shape) for m in stage] for stage in stages] == [
        [(1, 12, 64 // stem_stride, 96 // stem_stride)]
    ] * 2
    bottom = net.hourglass_modules[0].low2.low2.low2
    assert bottom[0].conv1.in_channels == round(12 * 1.5**3)


def test_hourglass_takes_mmposes_lists():
    net = HourglassNet(
        downsample_times=2, num_stacks=1, stage_channels=[8, 12, 16], stage_blocks=[1, 1, 2], feat_channel=8
    )
    assert net(torch.randn(2, 3, 64, 64))[0][0].shape == (2, 8, 16, 16)


def test_narrow_hourglass_trains_channels_last():
    # oneDNN's strided 1x1 convolution would write past its memory here.
    net = HourglassNet(2, 1, feat_channel=8, stage_blocks=1).to(memory_format=torch.channels_last)
    image = torch.randn(16, 3, 128, 96).to(memory_format=torch.channels_last)
    net(image)[0][0].sum().backward()
    strided = [
        m for m in net.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (1, 1) and m.stride != (1, 1)
    ]
    assert strided == []


@pytest.mark.parametrize("name", list(BACKBONES))
def test_channels_last_changes_nothing(name):
    torch.manual_seed(0)
    small = {"downsample_times": 2, "feat_channel": 16, "stage_blocks": 1} if name == "HourglassNet" else {}
    net, image = BACKBONES.build({"type": name, **small}).eval(), torch.randn(1, 3, 64, 64)
    expected = net(image)
    other = net.to(memory_format=torch.channels_last)(image.to(memory_format=torch.channels_last))
    torch.testing.assert_close(other, expected, atol=1e-4, rtol=1e-3)
