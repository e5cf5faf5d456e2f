"""Published weights of MMPose load: every key of its networks, written down from their structure, finds its place.

Each weight of a generated checkpoint is full of a number of its own, so that one in a wrong place shows.
"""

from __future__ import annotations

import itertools
import logging

import pytest
import torch

from raypose import BACKBONES, RayPoseError
from raypose.models.builder import build_model
from raypose.models.pretrained import load_pretrained_model

BASIC, BOTTLENECK = 1, 4  # how many times wider a residual block's output is
HEAD_0X, HEAD_1X = "keypoint_head.", "head."
RESNETS = {
    18: (BASIC, (2, 2, 2, 2)),
    34: (BASIC, (3, 4, 6, 3)),
    50: (BOTTLENECK, (3, 4, 6, 3)),
    101: (BOTTLENECK, (3, 4, 23, 3)),
    152: (BOTTLENECK, (3, 8, 36, 3)),
}


class Keys(dict):
    """Names and shapes of weights, as a network's `state_dict` lists them."""

    def conv(self, name, channels, width, kernel, bias=False):
        self[f"{name}.weight"] = (width, channels, kernel, kernel)
        if bias:
            self[f"{name}.bias"] = (width,)

    def norm(self, name, width):
        self.update({f"{name}.{each}": (width,) for each in ("weight", "bias", "running_mean", "running_var")})
        self[f"{name}.num_batches_tracked"] = ()

    def block(self, name, channels, mid, expansion, stride=1):
        width = mid * expansion
        sizes = {
            BASIC: ((channels, mid, 3), (mid, mid, 3)),
            BOTTLENECK: ((channels, mid, 1), (mid, mid, 3), (mid, width, 1)),
        }
        for i, (before, after, kernel) in enumerate(sizes[expansion], 1):
            self.conv(f"{name}.conv{i}", before, after, kernel)
            self.norm(f"{name}.bn{i}", after)
        if stride != 1 or channels != width:
            self.conv(f"{name}.downsample.0", channels, width, 1)
            self.norm(f"{name}.downsample.1", width)

    def layer(self, name, count, channels, mid, expansion=BASIC, stride=1, downsample_first=True):
        """MMPose's ResLayer."""
        for i in range(count):
            changes = i == (0 if downsample_first else count - 1)
            after = channels if i == 0 or not downsample_first else mid * expansion
            self.block(
                f"{name}.{i}",
                after,
                mid if changes or downsample_first else channels,
                expansion,
                stride if changes else 1,
            )

    def deconv(self, name, channels, filters=256, count=3, kernel=4):
        for i in range(count):
            self[f"{name}.{3 * i}.weight"] = (channels, filters, kernel, kernel)
            self.norm(f"{name}.{3 * i + 1}", filters)
            channels = filters


def resnet(depth):
    keys, (expansion, counts) = Keys(), RESNETS[depth]
    keys.conv("backbone.conv1", 3, 64, 7)
    keys.norm("backbone.bn1", 64)
    channels = 64
    for i, count in enumerate(counts):
        mid = 64 * 2**i
        keys.layer(f"backbone.layer{i + 1}", count, channels, mid, expansion, stride=1 if i == 0 else 2)
        channels = mid * expansion
    return keys, channels


def simple_baseline(depth, head, num_keypoints=17):
    """ResNet with TopdownHeatmapSimpleHead (0.x) or HeatmapHead (1.x)."""
    keys, channels = resnet(depth)
    keys.deconv(f"{head}deconv_layers", channels)
    keys.conv(f"{head}final_layer", 256, num_keypoints, 1, bias=True)
    return keys


def hrnet(width, head, num_keypoints=17):
    """HRNet, whose last module gives the map of the highest resolution alone, with a head of one convolution."""
    keys = Keys()
    for i in (1, 2):
        keys.conv(f"backbone.conv{i}", 3 if i == 1 else 64, 64, 3)
        keys.norm(f"backbone.bn{i}", 64)
    keys.layer("backbone.layer1", 4, 64, 64, BOTTLENECK)
    widths = [width * 2**i for i in range(4)]
    before = [256]
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        now = widths[:stage]
        for i, channels in enumerate(now):
            name = f"backbone.transition{stage - 1}.{i}"
            if i >= len(before):
                keys.conv(f"{name}.0.0", before[-1], channels, 3)
                keys.norm(f"{name}.0.1", channels)
            elif before[i] != channels:
                keys.conv(f"{name}.0", before[i], channels, 3)
                keys.norm(f"{name}.1", channels)
        for module in range(modules):
            name, last = f"backbone.stage{stage}.{module}", stage == 4 and module == modules - 1
            for branch, channels in enumerate(now):
                keys.layer(f"{name}.branches.{branch}", 4, channels, channels)
            fuse(keys, f"{name}.fuse_layers", now, outputs=1 if last else stage)
        before = now
    keys.conv(f"{head}final_layer", width, num_keypoints, 1, bias=True)
    return keys


def fuse(keys, name, widths, outputs):
    for i in range(outputs):
        for j in range(len(widths)):
            if j > i:  # narrower, and enlarged
                keys.conv(f"{name}.{i}.{j}.0", widths[j], widths[i], 1)
                keys.norm(f"{name}.{i}.{j}.1", widths[i])
            for k in range(i - j):  # halved i - j times
                width = widths[i] if k == i - j - 1 else widths[j]
                keys.conv(f"{name}.{i}.{j}.{k}.0", widths[j], width, 3)
                keys.norm(f"{name}.{i}.{j}.{k}.1", width)


WIDE, MANY = (256, 256, 384, 384, 384, 512), (2, 2, 2, 2, 2, 4)


def hourglass(num_stacks, head, channels=WIDE, blocks=MANY, num_keypoints=17):
    """HourglassNet with TopdownHeatmapMultiStageHead (0.x) or CPMHead (1.x), which name their layers alike."""
    keys = Keys()

    def conv_module(name, channels, width, kernel):
        keys.conv(f"{name}.conv", channels, width, kernel)
        keys.norm(f"{name}.bn", width)

    def module(name, channels, blocks):
        keys.layer(f"{name}.up1", blocks[0], channels[0], channels[0])
        keys.layer(f"{name}.low1", blocks[0], channels[0], channels[1], stride=2)
        if len(channels) > 2:
            module(f"{name}.low2", channels[1:], blocks[1:])
        else:
            keys.layer(f"{name}.low2", blocks[1], channels[1], channels[1])
        keys.layer(f"{name}.low3", blocks[0], channels[1], channels[0], downsample_first=False)

    conv_module("backbone.stem.0", 3, 128, 7)
    keys.layer("backbone.stem.1", 1, 128, 256, stride=2)
    for i in range(num_stacks):
        module(f"backbone.hourglass_modules.{i}", channels, blocks)
    # MMPose's layers have a block at least: one hourglass brings one that it never uses.
    keys.layer("backbone.inters", max(num_stacks - 1, 1), 256, 256)
    for i in range(num_stacks):
        conv_module(f"backbone.out_convs.{i}", 256, 256, 3)
        keys.conv(f"{head}multi_final_layers.{i}", 256, num_keypoints, 1, bias=True)
    for i in range(num_stacks - 1):
        conv_module(f"backbone.conv1x1s.{i}", 256, 256, 1)
        conv_module(f"backbone.remap_convs.{i}", 256, 256, 1)
    return keys


def numbered(keys, file):
    """A checkpoint with these keys, and the number that fills each weight."""
    numbers = {key: 1 + i for i, key in enumerate(keys)}
    weights = {key: torch.tensor(float(numbers[key])).expand(shape) for key, shape in keys.items()}
    torch.save({"meta": {}, "state_dict": weights}, file)
    return numbers


def empty_model(cfg, num_keypoints=17):
    with torch.device("meta"):
        model = build_model(cfg, num_keypoints, (192, 256))
    model.to_empty(device="cpu")
    for value in model.state_dict().values():
        value.zero_()
    return model


def resnet_cfg(depth):
    return {"backbone": {"type": "ResNet", "depth": depth}, "keypoint_head": {"type": "HeatmapHead"}}


def hourglass_cfg(num_stacks, options=None):
    backbone = {"type": "HourglassNet", "num_stacks": num_stacks, **(options or {})}
    return {"backbone": backbone, "keypoint_head": {"type": "TopdownHeatmapMultiStageHead"}}


HRNET = {"backbone": {"type": "HRNet", "arch": "w32"}, "keypoint_head": {"type": "HeatmapHead"}}
SMALL = {"downsample_times": 2, "stage_channels": [256, 64, 96], "stage_blocks": [1, 2, 3], "feat_channel": 256}
CASES = {
    "resnet18, 0.x": (simple_baseline(18, HEAD_0X), resnet_cfg(18)),
    "resnet50, 1.x": (simple_baseline(50, HEAD_1X), resnet_cfg(50)),
    "hrnet_w32, 0.x": (hrnet(32, HEAD_0X), HRNET),
    "hourglass52, 0.x": (hourglass(1, HEAD_0X), hourglass_cfg(1)),
    "two hourglasses, 1.x": (hourglass(2, HEAD_1X, (256, 64, 96), (1, 2, 3)), hourglass_cfg(2, SMALL)),
}
UNUSED = {"hourglass52, 0.x": "inters.0."}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case == "resnet18, 0.x" else ()) for case in CASES]
)
def test_every_weight_finds_its_place(tmp_path, caplog, case):
    keys, cfg = CASES[case]
    numbers = numbered(keys, tmp_path / "a.pth")
    model = empty_model(cfg)
    with caplog.at_level(logging.WARNING):
        load_pretrained_model(model, str(tmp_path / "a.pth"))
    weights = {key if key in numbers else key.replace(HEAD_0X, HEAD_1X): v for key, v in model.state_dict().items()}
    wrong = [key for key, value in weights.items() if not bool((value == numbers[key]).all())]
    assert wrong == []
    left = {key.removeprefix("backbone.") for key in numbers.keys() - weights.keys()}
    assert all(key.startswith(UNUSED[case]) for key in left)
    assert bool(left) == bool(caplog.text)


@pytest.mark.parametrize("depth", [34, 101, 152])
def test_resnets_of_other_depths(depth):
    keys, _ = resnet(depth)
    with torch.device("meta"):
        weights = {key.removeprefix("backbone."): torch.empty(shape) for key, shape in keys.items()}
        wanted = BACKBONES.build({"type": "ResNet", "depth": depth}).state_dict()
    assert {k: v.shape for k, v in wanted.items()} == {k: v.shape for k, v in weights.items()}


@pytest.mark.parametrize("head", [HEAD_0X, HEAD_1X])
def test_a_head_for_other_keypoints_keeps_its_last_layer(tmp_path, caplog, head):
    numbers = numbered(simple_baseline(18, head), tmp_path / "a.pth")
    model = empty_model(resnet_cfg(18), num_keypoints=5)
    with caplog.at_level(logging.WARNING):
        load_pretrained_model(model, str(tmp_path / "a.pth"))
    state = model.state_dict()
    assert bool((state["keypoint_head.deconv_layers.6.weight"] == numbers[f"{head}deconv_layers.6.weight"]).all())
    assert not state["keypoint_head.final_layer.weight"].any()
    assert "of another shape in it: final_layer.bias, final_layer.weight" in caplog.text


@pytest.mark.parametrize("loss", ["keypoint_head.loss.", "head.loss_module."])
def test_rles_flow_is_found_in_the_head(tmp_path, caplog, loss):
    keys, channels = resnet(18)
    head = loss.partition(".")[0]
    keys |= {f"{head}.fc.weight": (17 * 4, channels), f"{head}.fc.bias": (17 * 4,), f"{loss}flow_model.mask": (6, 2)}
    for i, name in itertools.product(range(6), "st"):
        for j, (before, after) in enumerate(((2, 64), (64, 64), (64, 2))):
            keys[f"{loss}flow_model.{name}.{i}.{2 * j}.weight"] = (after, before)
            keys[f"{loss}flow_model.{name}.{i}.{2 * j}.bias"] = (after,)
    numbers = numbered(keys, tmp_path / "a.pth")
    model = empty_model({"backbone": {"type": "ResNet", "depth": 18}, "keypoint_head": {"type": "RLEHead"}})
    load_pretrained_model(model, str(tmp_path / "a.pth"))
    state = model.keypoint_head.state_dict()
    assert bool((state["fc.weight"] == numbers[f"{head}.fc.weight"]).all())
    assert bool((state["loss_keypoint.flow_model.t.5.4.bias"] == numbers[f"{loss}flow_model.t.5.4.bias"]).all())
    assert all(value.any() for value in state.values())
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_classifiers_checkpoint_loads_the_backbone_alone(tmp_path, caplog):
    keys, _ = resnet(18)
    keys |= {"head.fc.weight": (1000, 512), "head.fc.bias": (1000,)}
    numbers = numbered(keys, tmp_path / "a.pth")
    model = empty_model(resnet_cfg(18))
    with caplog.at_level(logging.INFO):
        load_pretrained_model(model, str(tmp_path / "a.pth"))
    assert bool((model.backbone.conv1.weight == numbers["backbone.conv1.weight"]).all())
    assert not any(value.any() for value in model.keypoint_head.state_dict().values())
    assert "holds no weights of a keypoint_head" in caplog.text


def test_a_checkpoint_of_another_network_is_an_error(tmp_path):
    numbered(hourglass(1, HEAD_0X), tmp_path / "a.pth")
    with pytest.raises(RayPoseError, match=r"no weight of .* fits ResNet"):
        load_pretrained_model(empty_model(resnet_cfg(18)), str(tmp_path / "a.pth"))


def test_our_own_weights_load_into_a_model_of_other_keypoints(tmp_path):
    model = build_model(resnet_cfg(18), 17, (64, 64))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other = build_model(resnet_cfg(18), 3, (64, 64))
    load_pretrained_model(other, str(tmp_path / "weights.pt"))
    ours, theirs = other.state_dict(), model.state_dict()
    assert [k for k in ours if ours[k].shape == theirs[k].shape and not torch.equal(ours[k], theirs[k])] == []


def test_a_backbone_loads_in_its_own_way(tmp_path):
    class Own(torch.nn.Module):
        def init_weights(self, pretrained=None):
            self.loaded = pretrained

    model = torch.nn.Module()
    model.backbone, model.neck, model.keypoint_head = Own(), None, torch.nn.Linear(1, 1)
    load_pretrained_model(model, "whatever it understands")
    assert model.backbone.loaded == "whatever it understands"
