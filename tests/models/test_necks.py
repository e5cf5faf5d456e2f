from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from raypose import HEADS, NECKS, RayPoseError
from raypose.models.builder import build_model
from raypose.models.necks import FPN, FeatureMapProcessor, GlobalAveragePooling
from raypose.models.ports import dry_run

CHANNELS = [3, 5, 7]


@pytest.fixture
def maps():
    """Three maps with 3, 5 and 7 channels, each half the size of the one before."""
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, c, 8 >> i, 12 >> i, generator=generator) for i, c in enumerate(CHANNELS))


def build(neck, input_size=(64, 64), head="HeatmapHead", **backbone):
    backbone = {"type": "ResNet", "depth": 18, "out_indices": [0, 1, 2, 3], **backbone}
    return build_model({"backbone": backbone, "neck": neck, "keypoint_head": {"type": head}}, 3, input_size)


def conv3x3(x, conv):
    height, width = x.shape[2:]
    padded = torch.zeros(x.shape[0], x.shape[1], height + 2, width + 2)
    padded[:, :, 1:-1, 1:-1] = x
    out = conv.bias[None, :, None, None]
    for dy in range(3):
        for dx in range(3):
            shifted = padded[:, :, dy : dy + height, dx : dx + width]
            out = out + torch.einsum("nchw,oc->nohw", shifted, conv.weight[:, :, dy, dx])
    return out


@pytest.mark.parametrize("num_outs", [1, 2, 3, 5])
def test_fpn(maps, num_outs):
    torch.manual_seed(0)
    neck = FPN(CHANNELS, 4, num_outs)
    for parameter in neck.parameters():
        nn.init.normal_(parameter)
    laterals = [
        torch.einsum("nchw,oc->nohw", x, block[0].weight[:, :, 0, 0]) + block[0].bias[None, :, None, None]
        for x, block in zip(maps, neck.fpn.inner_blocks, strict=True)
    ]
    for i in (1, 0):
        laterals[i] = laterals[i] + laterals[i + 1].repeat_interleave(2, 2).repeat_interleave(2, 3)
    expected = [conv3x3(x, neck.fpn.layer_blocks[i][0]) for i, x in enumerate(laterals[:num_outs])]
    while len(expected) < num_outs:
        expected.append(expected[-1][:, :, ::2, ::2])
    torch.testing.assert_close(neck(maps), tuple(expected), atol=1e-4, rtol=1e-4)


def test_fpn_gives_a_head_the_finest_map_and_trains_whole():
    model = build({"type": "FPN", "out_channels": 16})
    assert model.keypoint_head.final_layer.in_channels == 16
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 3, 16, 16)
    keypoints, visible = torch.rand(2, 3, 2) * 64, torch.ones(2, 3)
    model.loss(torch.randn(2, 3, 64, 64), keypoints, visible)["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name


def test_fpn_takes_the_channels_of_any_choice_of_maps():
    with torch.device("meta"):
        model = build({"type": "FPN"}, (96, 160), out_indices=[1, 3])
    assert [block[0].in_channels for block in model.neck.fpn.inner_blocks] == [128, 512]
    assert model.neck(model.backbone(torch.empty(1, 3, 160, 96, device="meta")))[0].shape == (1, 256, 20, 12)


def test_global_average_pooling(maps):
    neck = GlobalAveragePooling()
    expected = [[[sum(c.flatten().tolist()) / c.numel() for c in image] for image in x] for x in maps]
    pooled = neck(maps)
    assert isinstance(pooled, tuple)
    for x, each in zip(pooled, expected, strict=True):
        torch.testing.assert_close(x, torch.tensor(each))
    torch.testing.assert_close(neck(maps[0]), pooled[0])


def test_a_head_of_vectors_takes_the_pooled_map():
    class VectorHead(nn.Module):
        output = "coordinates"

        def __init__(self, in_channels, num_keypoints):
            super().__init__()
            self.final_layer = nn.Linear(in_channels, num_keypoints * 2)

        def forward(self, x):
            return self.final_layer(x).unflatten(1, (-1, 2))

    HEADS.register_module(module=VectorHead)
    try:
        with torch.device("meta"):
            model = build({"type": "GlobalAveragePooling"}, head="VectorHead")
    finally:
        HEADS.remove(lambda entry: entry is VectorHead)
    assert model.keypoint_head.final_layer.in_features == 512
    assert model(torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 3, 2)


def bilinear(x, height, width, scale, align_corners):
    """`scale` is input pixels an output pixel, for y and x."""

    def neighbours(i, step, length):
        at = i * step if align_corners else max((i + 0.5) * step - 0.5, 0)
        low = min(math.floor(at), length - 1)
        return low, min(low + 1, length - 1), at - low

    out = torch.zeros(*x.shape[:2], height, width)
    for i in range(height):
        top, bottom, v = neighbours(i, scale[0], x.shape[2])
        for j in range(width):
            left, right, u = neighbours(j, scale[1], x.shape[3])
            upper = (1 - u) * x[:, :, top, left] + u * x[:, :, top, right]
            lower = (1 - u) * x[:, :, bottom, left] + u * x[:, :, bottom, right]
            out[:, :, i, j] = (1 - v) * upper + v * lower
    return out


def resized(x, height, width, align_corners, scale_factor=None):
    steps = [here / to for here, to in zip(x.shape[2:], (height, width), strict=True)]
    if align_corners:
        steps = [(here - 1) / max(to - 1, 1) for here, to in zip(x.shape[2:], (height, width), strict=True)]
    elif scale_factor is not None:
        steps = [1 / scale_factor] * 2
    return bilinear(x, height, width, steps, align_corners)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("scale_factor", [1, 0.5, 1.5, 4])
def test_feature_maps_are_rectified_then_rescaled(maps, scale_factor, align_corners):
    neck = FeatureMapProcessor(scale_factor=scale_factor, apply_relu=True, align_corners=align_corners)
    sizes = [[int(length * scale_factor) for length in x.shape[2:]] for x in maps]
    expected = [
        resized(x.clamp(min=0), *size, align_corners, scale_factor) for x, size in zip(maps, sizes, strict=True)
    ]
    torch.testing.assert_close(neck(maps), tuple(expected))


@pytest.mark.parametrize("align_corners", [False, True])
def test_feature_maps_are_selected_then_joined_at_the_first_ones_size(maps, align_corners):
    (joined,) = FeatureMapProcessor(select_index=[1, 0, 2], concat=True, align_corners=align_corners)(maps)
    expected = [resized(maps[i], 4, 6, align_corners) for i in (1, 0, 2)]
    torch.testing.assert_close(joined, torch.cat(expected, 1))


@pytest.mark.parametrize(("select_index", "indices"), [(None, [0, 1, 2]), (0, [0]), (-1, [2]), ([2, 0], [2, 0])])
def test_feature_maps_that_are_only_selected_stay_as_they_are(maps, select_index, indices):
    out = FeatureMapProcessor(select_index=select_index)(maps)
    assert isinstance(out, tuple)
    assert [x is maps[i] for x, i in zip(out, indices, strict=True)] == [True] * len(indices)


def test_joined_maps_reach_a_head_at_their_new_stride():
    model = build({"type": "FeatureMapProcessor", "select_index": [1, 2, 3], "concat": True, "scale_factor": 2})
    assert model.keypoint_head.final_layer.in_channels == 128 + 256 + 512
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 3, 16, 16)
    model.loss(torch.randn(2, 3, 64, 64), torch.rand(2, 3, 2) * 64, torch.ones(2, 3))["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize("name", list(NECKS))
def test_necks_agree_on_meta_and_channels_last(name, maps):
    torch.manual_seed(0)
    given = {"in_channels": CHANNELS} if name == "FPN" else {}
    neck = NECKS.build({"type": name, **given})
    expected = neck(maps)
    assert [x.shape for x in dry_run(neck, maps)] == [x.shape for x in expected]
    other = neck.to(memory_format=torch.channels_last)(
        tuple(x.contiguous(memory_format=torch.channels_last) for x in maps)
    )
    torch.testing.assert_close(other, expected)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"type": "FPN", "num_outs": 0}, "num_outs >= 1 must hold, but got 0"),
        ({"type": "FPN", "out_channels": 0}, "out_channels >= 1 must hold, but got 0"),
        ({"type": "FPN", "in_channels": [64, 128]}, "FPN has in_channels"),
        ({"type": "FeatureMapProcessor", "scale_factor": 0}, "scale_factor > 0 must hold, but got 0"),
        (
            {"type": "FeatureMapProcessor", "scale_factor": 0.01},
            "nothing is left of a map of 16x16 with scale_factor 0.01",
        ),
        ({"type": "FeatureMapProcessor", "select_index": []}, "select_index names at least one map"),
        ({"type": "FeatureMapProcessor", "select_index": [0, 4]}, "select_index is one of 0 to 3, but got 4"),
    ],
)
def test_mistakes_are_named(cfg, message):
    with torch.device("meta"), pytest.raises(RayPoseError, match=message):
        build(cfg)


def test_fpn_takes_as_many_maps_as_it_has_channels(maps):
    with pytest.raises(RayPoseError, match="FPN has in_channels of 2 maps, but got 3 maps"):
        FPN(CHANNELS[:2])(maps)


@pytest.mark.parametrize(("scale_factor", "size"), [(0.125, (1, 1)), (0.2, (2, 1))])
def test_maps_shrink_to_a_pixel_at_least(maps, scale_factor, size):
    assert FeatureMapProcessor(0, scale_factor=scale_factor)(maps)[0].shape[2:] == size[::-1]
