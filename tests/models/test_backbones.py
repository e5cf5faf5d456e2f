from __future__ import annotations

import copy
import functools

import pytest
import torch
import torchvision
from torch import nn

from raypose import BACKBONES, RayPoseError, build_from_cfg
from raypose.models.backbones import HourglassNet, MobileNetV3, ResNet
from raypose.models.heads import HeatmapHead
from raypose.models.ports import as_stages, is_multi_stage
from raypose.registry import offer

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
    strided = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1) and m.stride != (1, 1)]
    assert strided == []


def small(name):
    """The arguments of a backbone's smallest network."""
    row = getattr(BACKBONES.get(name), "row", None)
    if row is not None and row.argument:
        return {row.argument: next(iter(row.nets))}
    return {"HourglassNet": {"downsample_times": 2, "feat_channel": 16, "stage_blocks": 1}}.get(name, {})


def build(name, size=(64, 64), **arguments):
    return build_from_cfg(offer({"type": name, **arguments}, BACKBONES, input_size=size), BACKBONES)


def stages(net, image):
    return as_stages(net(image), is_multi_stage(net))


def assert_ports(net, maps, width, height):
    assert [tuple(each.shape[1:]) for each in maps] == [
        (port.channels, height // port.stride, width // port.stride) for port in net.out
    ]


@functools.cache
def on_meta(name):
    """The default network, for images of 96x128; never changed."""
    with torch.device("meta"):
        return build(name, (96, 128)).eval()


class TestEveryBackbone:
    @pytest.mark.parametrize("name", list(BACKBONES))
    def test_learns_and_its_copy_does_the_same_channels_last(self, name):
        torch.manual_seed(0)
        net, image = build(name, **small(name)).train(), torch.randn(2, 3, 64, 64)
        sum(each.square().mean() for maps in stages(net, image) for each in maps).backward()
        for key, parameter in net.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
        with torch.no_grad():
            expected = net.eval()(image)
        found = as_stages(expected, is_multi_stage(net))
        assert_ports(net, found[-1], 64, 64)
        largest = max(each.abs().max().item() for maps in found for each in maps)
        twin = copy.deepcopy(net).to(memory_format=torch.channels_last)
        with torch.no_grad():
            other = twin(image.to(memory_format=torch.channels_last))
            next(twin.parameters()).zero_()
        torch.testing.assert_close(other, expected, atol=1e-4 * max(1, largest), rtol=1e-3)
        assert next(net.parameters()).any()

    @pytest.mark.parametrize("name", list(BACKBONES))
    def test_ports_are_what_comes_out(self, name):
        net = on_meta(name)
        assert_ports(net, stages(net, torch.empty(2, 3, 128, 96, device="meta"))[-1], 96, 128)

    @pytest.mark.parametrize("name", list(BACKBONES))
    def test_every_parameter_has_its_depth(self, name):
        net = on_meta(name)
        names = [key for key, _ in net.named_parameters()]
        layers, stages = net.layer_depths(False), net.layer_depths(True)
        assert max(stages.values()) <= max(layers.values())
        for depths in (layers, stages):
            assert sorted(depths) == sorted(names)
            assert set(depths.values()) == set(range(max(depths.values()) + 1))
            assert depths[names[0]] == 0

    @pytest.mark.parametrize("name", list(BACKBONES))
    def test_statistics_follow_within_a_short_training(self, name):
        layers = [each for each in on_meta(name).modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
        assert all(layer.momentum >= 0.1 for layer in layers)


@pytest.mark.parametrize(
    ("name", "parameter", "layer", "stage"),
    [
        ("ResNet", "bn1.weight", 0, 0),
        ("ResNet", "layer3.1.conv1.weight", 9, 3),
        ("MobileNetV3", "features.0.0.weight", 0, 0),
        ("MobileNetV3", "features.12.1.bias", 12, 4),
        ("VGG", "features.1.weight", 0, 0),
        ("VGG", "features.4.weight", 1, 1),  # a normalisation lies as deep as its convolution
        ("VGG", "features.40.weight", 12, 4),
        ("ShuffleNetV2", "stage3.7.branch2.0.weight", 12, 2),
        ("HourglassNet", "stem.1.0.conv1.weight", 0, 0),
        ("HourglassNet", "hourglass_modules.0.up1.0.conv1.weight", 1, 1),
        ("HourglassNet", "inters.0.conv1.weight", 38, 1),
        ("HourglassNet", "out_convs.1.conv.weight", 73, 2),
        ("HRNet", "transition2.2.0.0.weight", 5, 2),
        ("SwinTransformer", "layers.2.blocks.3.attn.qkv.weight", 8, 3),
        ("PyramidVisionTransformerV2", "stages.1.downsample.proj.weight", 4, 2),
        ("PyramidVisionTransformerV2", "stages.1.blocks.2.attn.q.weight", 6, 2),
        ("PyramidVisionTransformerV2", "stages.3.norm.weight", 16, 4),
        ("ViT", "pos_embed", 0, 0),
        ("ViT", "blocks.4.norm1.weight", 5, 5),
    ],
)
def test_depths(name, parameter, layer, stage):
    net = on_meta(name)
    assert (net.layer_depths(False)[parameter], net.layer_depths(True)[parameter]) == (layer, stage)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_stacks": 0}, "num_stacks >= 1 must hold, but got 0"),
        ({"num_stacks": -1}, "num_stacks >= 1 must hold, but got -1"),
        ({"feat_channel": 0}, "feat_channel >= 1 must hold, but got 0"),
        ({"downsample_times": 0}, "downsample_times >= 1 must hold, but got 0"),
        ({"feat_channel": 1}, "the top one two, but these have .1, 1, 2"),
        ({"feat_channel": 8, "growth": 0.1}, "levels have a channel or more"),
        ({"downsample_times": 1, "stage_channels": [8, 0]}, "levels have a channel or more"),
    ],
)
def test_hourglasses_without_stacks_or_channels(arguments, message):
    with torch.device("meta"), pytest.raises(RayPoseError, match=message):
        HourglassNet(**arguments)
