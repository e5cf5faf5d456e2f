from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from raypose import RayPoseError
from raypose.models.backbones.lite_hrnet import LiteHRNet
from raypose.models.backbones.lite_hrnet_blocks import ConditionalChannelWeighting, SpatialWeighting
from raypose.models.backbones.lite_hrnet_fusion import IterativeHead, LiteHRModule
from raypose.models.heads import HeatmapHead
from raypose.models.ports import Port

# The README of github.com/HRNet/Lite-HRNet: depth, height, width, keypoints, parameters and FLOPs in M.
PUBLISHED = [
    (18, 256, 192, 17, 1.1, 205.2),
    (30, 256, 192, 17, 1.8, 319.2),
]
OPTIONS = [{}, {"out_indices": [1, 3]}, {"with_head": False}, {"with_head": False, "out_indices": [2]}]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def operations_beside_convolutions(net):
    """Counts, while the network runs, what the paper's tool counts: a module's last call, on its first output."""
    counted = {}

    def count(module, inputs, output):
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            counted[module] = output.numel()
        elif isinstance(module, nn.BatchNorm2d):
            counted[module] = 2 * output.numel()
        elif isinstance(module, nn.ReLU):
            counted[module] = output.numel()
        elif isinstance(module, nn.Upsample):
            counted[module] = output[0, 0].numel()
        elif isinstance(module, SpatialWeighting):
            channels, height, width = inputs[0].shape[1:]
            counted[module] = channels * (height + 1) * (width + 1)  # the tool's windows are one too large

    for module in net.modules():
        module.register_forward_hook(count)
    return counted


@pytest.mark.parametrize(
    ("depth", "height", "width", "keypoints", "parameters", "flops"),
    [PUBLISHED[0], *(pytest.param(*row, marks=pytest.mark.slow) for row in PUBLISHED[1:])],
)
def test_parameters_and_operations_are_the_published_ones(depth, height, width, keypoints, parameters, flops):
    with torch.device("meta"):
        net = nn.Sequential(LiteHRNet(depth), nn.Identity(), HeatmapHead(40, keypoints, num_deconv_layers=0)).eval()
        net[1].forward = lambda maps: maps[-1]
        others = operations_beside_convolutions(net)
        with FlopCounterMode(display=False) as counter:
            assert net(torch.empty(1, 3, height, width)).shape == (1, keypoints, height // 4, width // 4)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(parameters, abs=0.05)
    multiply_adds = counter.get_total_flops() / 2
    # The published M are of 2^20 operations.
    assert (multiply_adds + sum(others.values())) / 2**20 == pytest.approx(flops, abs=0.051)
    # Multiply-adds alone, in millions, are 3 % less.
    assert multiply_adds / 1e6 == pytest.approx(0.969 * flops, rel=2e-3)


def test_names_and_shapes_are_mmposes():
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in LiteHRNet(18).state_dict().items()}
    expected = {
        "stem.conv1.conv.weight": (32, 3, 3, 3),
        "stem.branch1.0.conv.weight": (16, 1, 3, 3),
        "stem.branch1.1.bn.weight": (16,),
        "stem.linear_conv.conv.weight": (16, 32, 1, 1),
        "transition0.0.2.weight": (40, 32, 1, 1),
        "transition0.1.0.3.running_mean": (80,),
        "transition2.3.0.0.weight": (160, 1, 3, 3),
        "stage0.1.layers.1.cross_resolution_weighting.conv1.conv.weight": (7, 60, 1, 1),
        "stage1.3.layers.0.depthwise_convs.2.conv.weight": (80, 1, 3, 3),
        "stage2.1.layers.1.spatial_weighting.3.conv2.conv.bias": (160,),
        "stage2.1.fuse_layers.0.3.0.weight": (40, 320, 1, 1),
        "stage2.1.fuse_layers.3.0.1.2.weight": (40, 40, 1, 1),
        "stage2.1.fuse_layers.3.0.2.2.weight": (320, 40, 1, 1),
        "head_layer.projects.0.pointwise_conv.conv.weight": (160, 320, 1, 1),
        "head_layer.projects.3.depthwise_conv.bn.weight": (40,),
    }
    assert len(shapes) == 1416
    assert {name: shapes.get(name) for name in expected} == expected


@pytest.mark.parametrize("options", OPTIONS)
def test_every_parameter_learns(options):
    net = LiteHRNet(18, **options).to(memory_format=torch.channels_last)
    net.init_weights()
    maps = net(torch.randn(2, 3, 64, 64).to(memory_format=torch.channels_last))
    sum((x * torch.randn_like(x)).sum() for x in maps).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    gradients = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    assert (gradients != 0).float().mean() > 0.9


@pytest.mark.parametrize(("with_head", "channels"), [(True, (40, 40, 80, 160)), (False, (40, 80, 160, 320))])
def test_ports_are_what_comes_out_at_any_multiple_of_32(with_head, channels):
    with torch.device("meta"):
        net = LiteHRNet(18, [0, 1, 2, 3], with_head).eval()
    assert net.out == tuple(Port(c, s) for c, s in zip(channels, (4, 8, 16, 32), strict=True))
    for width, height in ((32, 32), (96, 160)):
        sizes = [(p.channels, height // p.stride, width // p.stride) for p in net.out]
        assert [tuple(x.shape[1:]) for x in net(torch.empty(2, 3, height, width, device="meta"))] == sizes


@pytest.mark.parametrize("with_head", [True, False])
def test_out_indices_choose_maps_and_leave_out_what_none_needs(with_head):
    full = LiteHRNet(18, [0, 1, 2, 3], with_head).eval()
    image = torch.randn(1, 3, 64, 64)
    maps = full(image)
    for indices in ([0], [2], [1, 3]):
        part = LiteHRNet(18, indices, with_head).eval()
        assert part.load_state_dict(full.state_dict(), strict=False).missing_keys == []
        assert part.out == tuple(full.out[i] for i in indices)
        for x, i in zip(part(image), indices, strict=True):
            torch.testing.assert_close(x, maps[i])


def test_conditional_channel_weighting_is_that_of_the_paper():
    block = ConditionalChannelWeighting([16, 32]).eval()
    fine, coarse = torch.randn(2, 16, 8, 12), torch.randn(2, 32, 4, 6)
    # Cross-resolution weights at the coarse size, each for 2x2 pixels of the fine map.
    pooled = torch.cat([fine[:, 8:].unflatten(2, (4, 2)).unflatten(4, (6, 2)).mean((3, 5)), coarse[:, 16:]], 1)
    cross = block.cross_resolution_weighting
    weights = torch.sigmoid(cross.conv2(cross.conv1(pooled)))
    wide = weights[:, :8].repeat_interleave(2, 2).repeat_interleave(2, 3)
    second = [fine[:, 8:] * wide, coarse[:, 16:] * weights[:, 8:]]
    expected = []
    for i, (x, y) in enumerate(zip((fine[:, :8], coarse[:, :16]), second, strict=True)):
        conv, bn = block.depthwise_convs[i].conv, block.depthwise_convs[i].bn
        y = bn(torch.cat([F.conv2d(y[:, c : c + 1], conv.weight[c : c + 1], padding=1) for c in range(y.shape[1])], 1))
        first, last = block.spatial_weighting[i].conv1.conv, block.spatial_weighting[i].conv2.conv
        squeezed = torch.relu(y.mean((2, 3)) @ first.weight[:, :, 0, 0].T + first.bias)
        y = y * torch.sigmoid(squeezed @ last.weight[:, :, 0, 0].T + last.bias)[:, :, None, None]
        shuffled = [channel for c in range(x.shape[1]) for channel in (x[:, c], y[:, c])]
        expected.append(torch.stack(shuffled, 1))
    torch.testing.assert_close(tuple(block([fine, coarse])), tuple(expected))


def test_the_exchange_is_the_published_one():
    module = LiteHRModule([8, 16, 32], 0, [0, 1, 2]).eval()
    a, b, c = (torch.randn(1, 8 * 2**i, 8 // 2**i, 8 // 2**i) for i in range(3))
    fuse = module.fuse_layers

    def up(x, factor):
        return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)

    finest = 2 * a + up(fuse["0"]["1"][:2](b), 2) + up(fuse["0"]["2"][:2](c), 4)
    middle = 2 * fuse["1"]["0"](finest) + b + up(fuse["1"]["2"][:2](c), 2)
    coarsest = 2 * fuse["2"]["0"](finest) + fuse["2"]["1"](b) + c
    torch.testing.assert_close(module([a, b, c]), [x.relu() for x in (finest, middle, coarsest)])


def test_the_head_passes_maps_on_to_finer_ones():
    head = IterativeHead([4, 8], 4).eval()
    fine, coarse = torch.randn(1, 4, 7, 7), torch.randn(1, 8, 4, 4)
    below = head.projects[0](coarse)
    # Corners meet, so every second pixel of the fine map lies on one of the coarse map.
    raised = torch.zeros(1, 4, 7, 7)
    raised[:, :, ::2, ::2] = below
    raised[:, :, 1::2] = (raised[:, :, :-1:2] + raised[:, :, 2::2]) / 2
    raised[..., 1::2] = (raised[..., :-1:2] + raised[..., 2::2]) / 2
    torch.testing.assert_close(head([fine, coarse]), [head.projects[1](fine + raised), below])


@pytest.mark.parametrize("with_head", [True, False])
def test_layer_depths(with_head):
    with torch.device("meta"):
        net = LiteHRNet(18, with_head=with_head)
    names = [name for name, _ in net.named_parameters()]
    stages, layers = net.layer_depths(True), net.layer_depths(False)
    for depths, deepest in ((stages, 3 + with_head), (layers, 3 + 8 + with_head)):
        assert list(depths) == names
        assert list(depths.values()) == sorted(depths.values())
        assert set(depths.values()) == set(range(deepest + 1))
        assert {name for name, each in depths.items() if each == 0} == {n for n in names if n.startswith("stem.")}
    assert stages["transition1.2.0.0.weight"] == stages["stage1.3.layers.0.depthwise_convs.0.conv.weight"] == 2
    assert layers["transition1.2.0.0.weight"] == layers["stage1.0.layers.0.depthwise_convs.0.conv.weight"] - 1 == 4
    assert layers["stage1.2.layers.1.depthwise_convs.0.conv.weight"] == layers["stage1.2.fuse_layers.0.1.0.weight"] == 7


def test_weights_start_small_or_come_from_a_checkpoint(tmp_path):
    source, net = LiteHRNet(18), LiteHRNet(18)
    source.init_weights()
    assert source.stem.conv1.conv.weight.std().item() == pytest.approx(1e-3, rel=0.1)
    torch.save({"state_dict": {f"backbone.{k}": v for k, v in source.state_dict().items()}}, tmp_path / "weights.pth")
    net.init_weights(str(tmp_path / "weights.pth"))
    torch.testing.assert_close(net.state_dict(), source.state_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 20}, "depth is one of 18, 30, but got 20"),
        ({"out_indices": []}, "out_indices are ascending"),
        ({"out_indices": [4]}, "out_indices are ascending"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(RayPoseError, match=message):
        LiteHRNet(**options)
