"""What holds for every codec."""

from __future__ import annotations

import math

import pytest
import torch

import raypose.codecs
from raypose import CODECS, build_from_cfg
from raypose.codecs.geometry import rescale, rescale_corners
from raypose.errors import RayPoseError
from raypose.kinds import KINDS

INPUT = (96, 128)
SHAPES = {
    "heatmap": (5, 32, 24),
    "combined": (5, 3, 32, 24),
    "coordinates": (5, 2),
    "rle": (5, 4),
    "simcc": ((5, 192), (5, 256)),
    "coordinates+density": ((5, 2), (5, 32, 24)),
}
# Codec, kind, known error along an axis in input pixels (a heatmap pixel is 4, a bin 0.5), anywhere in the input.
KNOWN = [
    ({"type": "MSRAHeatmap"}, "heatmap", 0.01),  # a gaussian that was cut off is not quite one after the blur
    ({"type": "MSRAHeatmap", "sigma": 1.0}, "heatmap", 0.03),  # more so where it is narrow
    ({"type": "MSRAHeatmap", "blur_kernel_size": 1}, "heatmap", 1e-3),  # no blur: exact
    ({"type": "MSRAHeatmap", "unbiased": False}, "heatmap", 2.001),  # half a pixel by rounding
    ({"type": "MegviiHeatmap"}, "heatmap", 3.001),  # half a pixel by rounding, and a quarter pixel to any side
    ({"type": "UDPHeatmap"}, "heatmap", 0.01),
    ({"type": "UDPHeatmap", "heatmap_type": "combined"}, "combined", 1e-3),  # offsets are exact
    ({"type": "RegressionLabel"}, "coordinates", 1e-3),  # exact
    ({"type": "RegressionLabel"}, "rle", 1e-3),
    ({"type": "IntegralRegressionLabel"}, "coordinates", 1e-3),
    ({"type": "IntegralRegressionLabel"}, "coordinates+density", 1e-3),
    ({"type": "SimCCLabel"}, "simcc", 0.2501),  # half a bin
    ({"type": "SimCCLabel", "use_dark": True}, "simcc", 0.001),
    ({"type": "SimCCLabel", "use_dark": True, "normalize": False, "sigma": (4.9, 5.66)}, "simcc", 0.001),
    ({"type": "SimCCLabel", "smoothing_type": "standard", "label_smooth_weight": 0.1}, "simcc", 0.2501),
]
CASES = pytest.mark.parametrize(("cfg", "kind"), [pytest.param(*case[:2], id=str(case[0])) for case in KNOWN])


@pytest.fixture
def keypoints() -> torch.Tensor:
    points = torch.rand(40, 5, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor(INPUT) - 0.5
    points[0, :4] = torch.tensor([[0.0, 0.0], [95.0, 0.0], [0.0, 127.0], [95.0, 127.0]])
    points[1, :4] = torch.tensor([[-0.5, -0.5], [95.49, 0.0], [-0.5, 127.49], [95.49, 127.49]])
    return points


def build(cfg):
    return build_from_cfg(cfg, CODECS, {"input_size": INPUT})


def parts(value):
    return value if isinstance(value, tuple) else (value,)


def output_of(kind, targets):
    """What a head would give if it had learned the targets."""
    if kind == "simcc":
        return tuple(torch.log(part + 1e-12) for part in targets)
    return torch.cat((targets, torch.full_like(targets, 0.25)), -1) if kind == "rle" else targets


def test_every_codec_and_kind_has_a_known_error():
    assert {cfg["type"] for cfg, _, _ in KNOWN} == set(raypose.codecs.__all__)
    assert set(raypose.codecs.__all__) <= set(CODECS)
    assert {kind for _, kind, _ in KNOWN} == set(KINDS)
    for cfg, kind, _ in KNOWN:
        assert kind in ((output,) if isinstance(output := build(cfg).output, str) else output)


@pytest.mark.parametrize(("cfg", "kind", "error"), [pytest.param(*case, id=str(case[0])) for case in KNOWN])
def test_decode_undoes_encode(cfg, kind, error, keypoints):
    codec = build(cfg)
    targets, weights = codec.encode(keypoints, torch.ones(40, 5), SHAPES[kind])
    decoded, scores = codec.decode(output_of(kind, targets))
    assert weights.shape == (40, 5, 1)
    assert weights.min() == 1
    assert decoded.shape == keypoints.shape
    assert (decoded - keypoints).abs().max() <= error
    assert scores.shape == (40, 5)
    assert scores.min() > 0.7
    assert scores.max() <= 1 + 1e-5


@CASES
def test_targets_have_the_shape_of_the_output(cfg, kind, keypoints):
    targets, _ = build(cfg).encode(keypoints, torch.ones(40, 5), SHAPES[kind])
    expected = {"rle": ((5, 2),)}.get(kind, SHAPES[kind] if isinstance(SHAPES[kind][0], tuple) else (SHAPES[kind],))
    assert tuple(tuple(part.shape[1:]) for part in parts(targets)) == expected
    assert all(part.dtype == torch.float32 for part in parts(targets))


@CASES
def test_invisible_and_outside_keypoints_have_no_weight(cfg, kind):
    points = torch.tensor([[[50.0, 60.0], [-1.0, 60.0], [50.0, 128.0], [math.nan, 3.0], [95.4, -0.4]]])
    targets, weights = build(cfg).encode(points, torch.tensor([[0, 2, 1, 2, 1]]), SHAPES[kind])
    assert weights.flatten().tolist() == [0, 0, 0, 0, 1]
    for part in parts(targets):
        assert part.isfinite().all()
        assert part[:, :4].abs().sum() == 0
        assert part[:, 4].abs().sum() > 0


@CASES
def test_targets_of_the_mirrored_image_are_the_mirrored_targets(cfg, kind, keypoints):
    keypoints = keypoints[2:]  # not exactly on a border, which has one side only
    codec, ones = build(cfg), torch.ones(38, 5)
    mirrored = torch.stack((INPUT[0] - 1 - keypoints[..., 0], keypoints[..., 1]), -1)
    targets, of_mirrored = (codec.encode(points, ones, SHAPES[kind])[0] for points in (keypoints, mirrored))
    if kind == "combined":  # a pixel that only rounding takes across the disc's edge is no difference
        same = targets[:, :, :1].flip(-1) == of_mirrored[:, :, :1]
        assert same.float().mean() > 0.999
        targets, of_mirrored = targets * same.flip(-1), of_mirrored * same
    for one, other in zip(parts(KINDS[kind].mirror(targets)), parts(of_mirrored), strict=True):
        torch.testing.assert_close(other, one, atol=2e-5, rtol=0)


@CASES
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_outputs_of_other_precisions_are_decoded(cfg, kind, dtype, keypoints):
    codec = build(cfg)
    targets, _ = codec.encode(keypoints, torch.ones(40, 5), SHAPES[kind])
    output = [part.to(dtype) for part in parts(output_of(kind, targets))]
    as_output = tuple if len(output) > 1 else lambda each: each[0]
    points, scores = codec.decode(as_output(output))
    expected, _ = codec.decode(as_output([part.float() for part in output]))
    assert (points.dtype, scores.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(points, expected, atol=0, rtol=0)


@CASES
def test_autocast_changes_nothing(cfg, kind, keypoints):
    codec = build(cfg)

    def there_and_back():
        targets, _ = codec.encode(keypoints, torch.ones(40, 5), SHAPES[kind])
        return codec.decode(output_of(kind, targets))

    expected = there_and_back()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(there_and_back(), expected, atol=0, rtol=0)


@CASES
@pytest.mark.parametrize("value", [0.0, -1.0, 1.0])
def test_outputs_without_a_peak_are_decoded_all_the_same(cfg, kind, value):
    shapes = SHAPES[kind] if isinstance(SHAPES[kind][0], tuple) else (SHAPES[kind],)
    output = tuple(torch.full((1, *shape), value) for shape in shapes)
    points, scores = build(cfg).decode(output if len(output) > 1 else output[0])
    assert points.isfinite().all()
    assert scores.isfinite().all()


@CASES
def test_meta_tensors_are_encoded_and_decoded(cfg, kind):
    codec = build(cfg)
    targets, weights = codec.encode(torch.empty(2, 5, 2, device="meta"), torch.empty(2, 5, device="meta"), SHAPES[kind])
    points, scores = codec.decode(output_of(kind, targets))
    assert {each.device.type for each in (*parts(targets), weights, points, scores)} == {"meta"}
    assert (points.shape, scores.shape) == ((2, 5, 2), (2, 5))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 3), (4, 3)])
@pytest.mark.parametrize("cfg", [cfg for cfg, kind, _ in KNOWN if kind in ("heatmap", "combined")], ids=str)
def test_tiny_maps_are_decoded_to_their_highest_pixel(cfg, size):
    codec, (width, height) = build(cfg), size
    channels = (1, 3) if codec.output == "combined" else (1,)
    points = rescale(torch.tensor([[[width - 1.0, height - 1.0]]]), size, INPUT)
    targets, _ = codec.encode(points, torch.ones(1, 1), (*channels, height, width))
    decoded, scores = codec.decode(targets)
    assert ((decoded - points).abs() <= 0.51 * torch.tensor(INPUT) / torch.tensor(size)).all()
    assert scores.item() > 0.5


@pytest.mark.parametrize(
    "cfg",
    [
        {"type": "MSRAHeatmap", "blur_kernel_size": 4},
        {"type": "UDPHeatmap", "blur_kernel_size": 0},
        {"type": "MegviiHeatmap", "kernel_size": -3},
        {"type": "SimCCLabel", "label_smooth_weight": 0.1},
        {"type": "SimCCLabel", "smoothing_type": "standard", "label_smooth_weight": 1.1},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(cfg):
    name = list(cfg)[-1]
    with pytest.raises(RayPoseError, match=f"{name}.*but got"):
        build(cfg)


def test_rescale_keeps_the_borders():
    corners = torch.tensor([[-0.5, -0.5], [95.5, 127.5]])
    torch.testing.assert_close(rescale(corners, INPUT, (24, 32)), torch.tensor([[-0.5, -0.5], [23.5, 31.5]]))


def test_rescale_corners_keeps_the_centres_of_the_corner_pixels():
    corners = torch.tensor([[0.0, 0.0], [95.0, 127.0]])
    torch.testing.assert_close(rescale_corners(corners, INPUT, (24, 32)), torch.tensor([[0.0, 0.0], [23.0, 31.0]]))
