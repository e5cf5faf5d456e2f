from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from raypose import BACKBONES, CODECS, HEADS, LOSSES, NECKS, RayPoseError
from raypose.kinds import KINDS, agreed, mismatches
from raypose.models.builder import build_model

SMALL = {
    "HourglassNet": {"num_stacks": 2, "downsample_times": 3, "feat_channel": 16, "stage_blocks": 1},
    "ResNet": {"depth": 18, "out_indices": [0, 1]},
}


def config(backbone, head, **model):
    return {
        "type": "TopDown",
        "backbone": {"type": backbone, **SMALL.get(backbone, {})},
        "keypoint_head": {"type": head},
        **model,
    }


@pytest.fixture
def register():
    """Registers components under their own names until the test ends."""
    added = []

    def add(registry, component):
        registry.register_module(module=component)
        added.append((registry, component))
        return component.__name__

    yield add
    for registry, component in added:
        registry.remove(lambda entry, gone=component: entry is gone)


def batch(size=(64, 64), number=2, keypoints=5):
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(number, keypoints, 2, generator=generator) * torch.tensor(size)
    return torch.randn(number, 3, size[1], size[0], generator=generator), points, torch.ones(number, keypoints)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_simple_baseline_has_34_million_weights():
    cfg = {"backbone": {"type": "ResNet", "depth": 50}, "keypoint_head": {"type": "HeatmapHead"}}
    with torch.device("meta"):
        assert count(build_model(cfg, 17, (192, 256))) == pytest.approx(34.0e6, rel=1e-3)


def test_defaults_are_msra_heatmaps_and_mse():
    model = build_model(config("MobileNetV3", "HeatmapHead"), 5, (64, 64))
    assert type(model.codec).__name__ == "MSRAHeatmap"
    assert type(model.loss_keypoint).__name__ == "JointsMSELoss"
    assert model.codec is model.keypoint_head.codec
    integral = build_model(config("MobileNetV3", "IntegralRegressionHead"), 5, (64, 64))
    assert type(integral.codec).__name__ == "IntegralRegressionLabel"
    assert type(integral.loss_keypoint).__name__ == "L1Loss"


@pytest.mark.parametrize("kind", list(KINDS))
def test_default_parts_fit_their_kind(kind):
    codec = CODECS.build(KINDS[kind].codec, input_size=(64, 64))
    losses = KINDS[kind].loss_keypoint.get("losses", [KINDS[kind].loss_keypoint])
    head = SimpleNamespace(output=kind)
    assert agreed(head, codec) == kind
    assert mismatches(head, codec, [LOSSES.get(loss["type"]) for loss in losses]) == []


def test_the_heads_own_codec_and_loss_come_before_the_models():
    cfg = config("MobileNetV3", "HeatmapHead", codec={"type": "MSRAHeatmap", "sigma": 3.0})
    cfg["loss_keypoint"] = {"type": "AdaptiveWingLoss"}
    assert build_model(cfg, 5, (64, 64)).codec.sigma == 3
    assert type(build_model(cfg, 5, (64, 64)).loss_keypoint).__name__ == "AdaptiveWingLoss"
    cfg["keypoint_head"] |= {"codec": {"type": "MSRAHeatmap", "sigma": 1.0}, "loss_keypoint": {"type": "JointsMSELoss"}}
    model = build_model(cfg, 5, (64, 64))
    assert model.codec.sigma == 1
    assert type(model.loss_keypoint).__name__ == "JointsMSELoss"


def test_cfg_is_left_as_it_was():
    cfg = config("MobileNetV3", "HeatmapHead", codec={"type": "MSRAHeatmap"})
    before = repr(cfg)
    build_model(cfg, 5, (64, 64))
    assert repr(cfg) == before


@pytest.mark.parametrize(
    ("head", "parts", "message"),
    [
        ("HeatmapHead", {"codec": {"type": "IntegralRegressionLabel"}},
         "HeatmapHead gives 'heatmap' or 'combined', but IntegralRegressionLabel is a codec of 'coordinates'"),
        ("HeatmapHead", {"loss_keypoint": {"type": "L1Loss"}},
         "HeatmapHead with MSRAHeatmap gives 'heatmap', but L1Loss takes 'coordinates'"),
        ("IntegralRegressionHead", {"loss_keypoint": {"type": "JointsMSELoss"}},
         "IntegralRegressionHead gives 'coordinates', but JointsMSELoss takes 'heatmap'"),
    ],
)  # fmt: skip
def test_kinds_that_do_not_match_name_both_sides(head, parts, message):
    with pytest.raises(RayPoseError, match=message):
        build_model(config("MobileNetV3", head, **parts), 5, (64, 64))


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"keypoint_head": {"type": "HeatmapHead"}}, "model.backbone is a mapping"),
        ({"backbone": {"type": "ResNet"}, "keypoint_head": {"depth": 1}}, "model.keypoint_head is a mapping"),
        ({"backbone": {"type": "ResNt"}, "keypoint_head": {"type": "HeatmapHead"}}, "did you mean 'ResNet'"),
        ({"backbone": {"type": "ResNet", "depth": 20}, "keypoint_head": {"type": "HeatmapHead"}}, "depth is one of 18"),
        ({"backbone": {"type": "ResNet", "out_indices": [4]}, "keypoint_head": {"type": "HeatmapHead"}}, "out_indices"),
        ({"backbone": {"type": "HourglassNet", "stage_blocks": [1]}, "keypoint_head": {"type": "HeatmapHead"}},
         "stage_blocks"),
        ({"backbone": {"type": "HourglassNet", "stage_channels": [8]}, "keypoint_head": {"type": "HeatmapHead"}},
         "stage_channels"),
        ({"backbone": {"type": "HourglassNet", "downsample_times": 0}, "keypoint_head": {"type": "HeatmapHead"}},
         "downsample_times >= 1"),
        ({"backbone": {"type": "MobileNetV3"}, "keypoint_head": {"type": "HeatmapHead", "num_deconv_filters": [8]}},
         "num_deconv_filters"),
        ({"backbone": {"type": "MobileNetV3"}, "keypoint_head": {"type": "HeatmapHead", "num_deconv_kernels": 5}},
         "num_deconv_kernels"),
        ({"backbone": {"type": "MobileNetV3"}, "keypoint_head": {"type": "HeatmapHead"}, "codec": {"sigma": 2}},
         "model.codec is a mapping"),
        ({"backbone": {"type": "MobileNetV3"}, "keypoint_head": {"type": "HeatmapHead"}, "necks": {}}, "necks"),
    ],
)  # fmt: skip
def test_mistakes_are_named(cfg, message):
    with pytest.raises(RayPoseError, match=message):
        build_model(cfg, 17, (192, 256))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            {"type": "HeatmapHead", "in_channels": 2048},
            "HeatmapHead has in_channels: 2048, but here it is 576; leave it out",
        ),
        (
            {"type": "SimCCHead", "input_size": [32, 32]},
            r"SimCCHead has input_size: \[32, 32\], but here it is \[64, 64\]",
        ),
        ({"type": "HeatmapHead", "num_keypoints": 6}, "HeatmapHead has num_keypoints: 6, but here it is 5"),
        (
            {"type": "HeatmapHead", "codec": {"type": "MSRAHeatmap", "input_size": [32, 64]}},
            "MSRAHeatmap has input_size",
        ),
    ],
)
def test_what_contradicts_the_facts_is_refused(head, message):
    cfg = {"backbone": {"type": "MobileNetV3"}, "keypoint_head": head}
    with pytest.raises(RayPoseError, match=message):
        build_model(cfg, 5, (64, 64))
    right = {"type": "HeatmapHead", "in_channels": 576, "codec": {"type": "MSRAHeatmap", "input_size": [64, 64]}}
    build_model({**cfg, "keypoint_head": right}, 5, (64, 64))


@pytest.mark.parametrize(
    ("output", "told"),
    [(None, "None"), ({"x": 1}, "a dict"), ((), r"\(\)"), ((None,), r"\(None\)"), ("map", "a str")],
)
def test_a_backbone_that_gives_no_maps_is_named(register, output, told):
    class Odd(nn.Module):
        def forward(self, x):
            return output

    cfg = {"backbone": {"type": register(BACKBONES, Odd)}, "keypoint_head": {"type": "HeatmapHead"}}
    with pytest.raises(RayPoseError, match=rf"Odd must give a tuple of feature maps \[N,C,H,W\], but it gave {told}$"):
        build_model(cfg, 5, (64, 64))


def test_a_size_that_a_backbone_cannot_divide_is_named(register):
    class Picky(SkeletonBackbone):
        size_divisor = 32

    cfg = {"backbone": {"type": register(BACKBONES, Picky)}, "keypoint_head": {"type": "HeatmapHead"}}
    with pytest.raises(
        RayPoseError, match="Picky needs images whose width and height are multiples of 32, but got 64x72"
    ):
        build_model(cfg, 5, (64, 72))


class SkeletonBackbone(nn.Module):
    """MMPose's tutorial: no base class, a tuple, init_weights(pretrained)."""

    def __init__(self, arg1=16, arg2=2):
        super().__init__()
        self.conv = nn.Conv2d(3, arg1, 3, stride=8, padding=1)
        self.pretrained = "not called"

    def forward(self, x):
        return (self.conv(x),)

    def init_weights(self, pretrained=None):
        self.pretrained = pretrained


class SkeletonHead(nn.Module):
    """MMPose's tutorial: no codec, no loss, and channels of its own."""

    def __init__(self, arg1=16, arg2=5):
        super().__init__()
        self.final_layer = nn.Conv2d(arg1, arg2, 1)
        self.initialised = False

    def forward(self, x):
        return self.final_layer(x)

    def init_weights(self):
        self.initialised = True


class TestTutorialSkeletons:
    def test_they_train_as_they_are(self, register):
        backbone, head = register(BACKBONES, SkeletonBackbone), register(HEADS, SkeletonHead)
        cfg = {"backbone": {"type": backbone, "pretrained": "my.pth"}, "keypoint_head": {"type": head}}
        model = build_model(cfg, 5, (64, 64))
        assert model.backbone.pretrained == "my.pth"
        assert model.keypoint_head.initialised
        model.loss(*batch())["loss"].backward()
        assert model.backbone.conv.weight.grad.abs().sum() > 0
        assert model.predict(batch()[0])[0].shape == (2, 5, 2)

    def test_the_models_codec_and_loss_serve_their_head(self, register):
        head = register(HEADS, SkeletonHead)
        cfg = {"backbone": {"type": register(BACKBONES, SkeletonBackbone)}, "keypoint_head": {"type": head}}
        cfg |= {"codec": {"type": "MSRAHeatmap", "sigma": 1.5}, "loss_keypoint": {"type": "SpatialCrossEntropyLoss"}}
        model = build_model(cfg, 5, (64, 64))
        assert model.codec.sigma == 1.5
        assert model.loss_keypoint.target_sigma == 1.5

    def test_pretrained_of_the_model_reaches_the_backbone(self, register):
        cfg = {"backbone": {"type": register(BACKBONES, SkeletonBackbone)}, "keypoint_head": {"type": "HeatmapHead"}}
        assert build_model({**cfg, "pretrained": "a.pth"}, 5, (64, 64)).backbone.pretrained == "a.pth"
        assert build_model(cfg, 5, (64, 64)).backbone.pretrained is None
        unread = build_model({**cfg, "pretrained": "a.pth"}, 5, (64, 64), init_weights=False)
        assert unread.backbone.pretrained == "not called"

    @pytest.mark.parametrize("backbone", ["ResNet", "MobileNetV3", "HourglassNet"])
    def test_their_backbone_and_head_go_with_ours(self, register, backbone):
        skeleton, head = register(BACKBONES, SkeletonBackbone), register(HEADS, SkeletonHead)
        for each in HEADS:
            model = build_model({"backbone": {"type": skeleton}, "keypoint_head": {"type": each}}, 5, (64, 64))
            assert model.predict(batch()[0])[0].shape == (2, 5, 2)
        channels = build_model(config(backbone, "HeatmapHead"), 5, (64, 64)).backbone.out[-1].channels
        cfg = config(backbone, head) | {"keypoint_head": {"type": head, "arg1": channels}}
        assert build_model(cfg, 5, (64, 64)).predict(batch()[0])[0].shape == (2, 5, 2)

    def test_channels_that_do_not_fit_name_both_sides(self, register):
        cfg = config("MobileNetV3", "HeatmapHead") | {"keypoint_head": {"type": register(HEADS, SkeletonHead)}}
        with pytest.raises(RayPoseError, match=r"MobileNetV3 and SkeletonHead don't fit.*\[2, 576, 2, 2\]"):
            build_model(cfg, 5, (64, 64))

    def test_a_wrong_number_of_keypoints_is_named(self, register):
        cfg = {"backbone": {"type": register(BACKBONES, SkeletonBackbone)}, "keypoint_head": {"type": "Skeleton7"}}
        register(
            HEADS, type("Skeleton7", (SkeletonHead,), {"__init__": lambda self: SkeletonHead.__init__(self, 16, 7)})
        )
        with pytest.raises(RayPoseError, match=r"give \[2, 7, 8, 8\] for 2 images with 5 keypoints"):
            build_model(cfg, 5, (64, 64))

    def test_a_backbone_without_init_weights_loads_all_the_same(self, register, tmp_path):
        class Plain(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3)

            def forward(self, x):
                return (self.conv(x),)

        weights = {"conv.weight": torch.ones(4, 3, 3, 3), "conv.bias": torch.zeros(4)}
        torch.save(weights, tmp_path / "a.pth")
        name, pretrained = register(BACKBONES, Plain), str(tmp_path / "a.pth")
        cfg = {"backbone": {"type": name}, "keypoint_head": {"type": "HeatmapHead"}}
        of_backbone = {**cfg, "backbone": {"type": name, "pretrained": pretrained}}
        for each in ({**cfg, "pretrained": pretrained}, of_backbone):
            assert build_model(each, 5, (64, 64)).backbone.conv.weight.eq(1).all()


def test_in_ports_take_several_maps(register):
    class Pyramid(nn.Module):
        in_ports = (0, 2)
        output = "heatmap"

        def __init__(self, in_channels, in_stride, num_keypoints):
            super().__init__()
            self.in_channels, self.in_stride = in_channels, in_stride
            self.final_layer = nn.Conv2d(in_channels[0], num_keypoints, 1)

        def forward(self, maps):
            assert len(maps) == 2
            return self.final_layer(maps[0])

    cfg = {"backbone": {"type": "ResNet", "depth": 18, "out_indices": [0, 1, 2, 3]}}
    model = build_model({**cfg, "keypoint_head": {"type": register(HEADS, Pyramid)}}, 5, (64, 64))
    assert model.keypoint_head.in_channels == [64, 256]
    assert model.keypoint_head.in_stride == [4, 16]
    assert model(batch()[0]).shape == (2, 5, 16, 16)


def test_a_neck_stands_between(register):
    class Halve(nn.Module):
        def __init__(self, in_channels):
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(c, c // 2, 1) for c in in_channels)

        def forward(self, maps):
            return tuple(conv(x) for conv, x in zip(self.convs, maps, strict=True))

    cfg = config("HourglassNet", "TopdownHeatmapMultiStageHead", neck={"type": register(NECKS, Halve)})
    model = build_model(cfg, 5, (64, 64))
    assert model.keypoint_head.multi_final_layers[0].in_channels == 8
    model.loss(*batch())["loss"].backward()
    assert model.neck.convs[0].weight.grad.abs().sum() > 0
