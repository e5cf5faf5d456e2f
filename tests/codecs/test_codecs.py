from __future__ import annotations

import math

import pytest
import torch

from raypose import CODECS, build_from_cfg
from raypose.codecs import IntegralRegressionLabel, MSRAHeatmap
from raypose.codecs.geometry import rescale

INPUT = (96, 128)
SHAPES = {"heatmap": (5, 32, 24), "coordinates": (5, 2)}


@pytest.fixture
def keypoints() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(6, 5, 2, generator=generator) * (torch.tensor(INPUT) - 1.0)
    points[0, :4] = torch.tensor([[0.0, 0.0], [95.0, 0.0], [0.0, 127.0], [95.0, 127.0]])
    return points


@pytest.mark.parametrize("name", list(CODECS))
def test_decode_undoes_encode(name, keypoints):
    codec = build_from_cfg({"type": name}, CODECS, {"input_size": INPUT})
    targets, weights = codec.encode(keypoints, torch.ones(6, 5), SHAPES[codec.output])
    decoded, scores = codec.decode(targets)
    assert weights.shape == (6, 5, 1)
    assert weights.min() == 1
    assert decoded.shape == keypoints.shape
    assert scores.shape == (6, 5)
    # Exact but at a border, where a pixel has no two neighbours and half a heatmap pixel may be lost.
    inside = ((keypoints > 4) & (keypoints < torch.tensor(INPUT) - 5.0)).all(-1)
    assert (decoded - keypoints)[inside].abs().max() <= 0.02
    assert (decoded - keypoints).abs().max() <= 2.01


@pytest.mark.parametrize("name", list(CODECS))
def test_invisible_and_outside_keypoints_have_no_weight(name, keypoints):
    codec = build_from_cfg({"type": name}, CODECS, {"input_size": INPUT})
    points = torch.tensor([[[50.0, 60.0], [-1.0, 60.0], [50.0, 128.0], [math.nan, 3.0], [95.4, -0.4]]])
    visible = torch.tensor([[0, 2, 1, 2, 1]])
    targets, weights = codec.encode(points, visible, SHAPES[codec.output])
    assert weights.flatten().tolist() == [0, 0, 0, 0, 1]
    assert targets.isfinite().all()
    assert targets[:, :4].abs().sum() == 0


def test_coordinates_are_exact(keypoints):
    codec = IntegralRegressionLabel(INPUT)
    targets, _ = codec.encode(keypoints, torch.ones(6, 5))
    torch.testing.assert_close(codec.decode(targets)[0], keypoints, atol=1e-4, rtol=0)


@pytest.mark.parametrize("unbiased", [True, False])
def test_heatmaps_equal_a_slow_reference(unbiased):
    codec = MSRAHeatmap(INPUT, sigma=1.5, unbiased=unbiased)
    points = torch.tensor([[[30.2, 40.9], [3.0, 120.0]]])
    targets, _ = codec.encode(points, torch.ones(1, 2), (2, 32, 24))
    for k, (x, y) in enumerate(points[0].tolist()):
        center = [(x + 0.5) / 4 - 0.5, (y + 0.5) / 4 - 0.5]
        center = center if unbiased else [round(c) for c in center]
        for row in range(32):
            for column in range(24):
                distance = (column - center[0]) ** 2 + (row - center[1]) ** 2
                assert targets[0, k, row, column].item() == pytest.approx(math.exp(-distance / 4.5), abs=1e-5)


def quarter(before, at, after):
    return 0.25 if after > before else -0.25


def parabola(before, at, after):
    before, at, after = (math.log(max(value, at * 1e-4)) for value in (before, at, after))
    return max(-0.5, min(0.5, (after - before) / (2 * (2 * at - before - after))))


@pytest.mark.parametrize(("unbiased", "part"), [(False, quarter), (True, parabola)])
def test_decode_equals_a_slow_reference(unbiased, part):
    heatmaps = torch.rand(3, 4, 8, 6, generator=torch.Generator().manual_seed(1))
    points, scores = MSRAHeatmap((24, 32), unbiased=unbiased).decode(heatmaps)
    for n in range(3):
        for k in range(4):
            grid = heatmaps[n, k].tolist()
            score, y, x = max((grid[y][x], y, x) for y in range(8) for x in range(6))
            dx = part(*grid[y][x - 1 : x + 2]) if 0 < x < 5 else 0
            dy = part(*(row[x] for row in grid[y - 1 : y + 2])) if 0 < y < 7 else 0
            assert points[n, k].tolist() == pytest.approx([(x + dx) * 4 + 1.5, (y + dy) * 4 + 1.5], abs=1e-3)
            assert scores[n, k].item() == score


def test_maps_without_a_peak_are_decoded_all_the_same():
    for heatmaps in (torch.zeros(1, 5, 32, 24), -torch.ones(1, 5, 32, 24)):
        points, scores = MSRAHeatmap(INPUT).decode(heatmaps)
        assert points.isfinite().all()
        assert scores.isfinite().all()


def test_heatmap_of_the_mirrored_image_is_the_mirrored_heatmap(keypoints):
    codec = MSRAHeatmap(INPUT)
    mirrored = torch.stack((INPUT[0] - 1 - keypoints[..., 0], keypoints[..., 1]), -1)
    ones = torch.ones(6, 5)
    heatmaps, of_mirrored = (codec.encode(p, ones, (5, 32, 24))[0] for p in (keypoints, mirrored))
    torch.testing.assert_close(of_mirrored, heatmaps.flip(-1), atol=1e-5, rtol=0)


def test_rescale_keeps_the_borders():
    corners = torch.tensor([[-0.5, -0.5], [95.5, 127.5]])
    torch.testing.assert_close(rescale(corners, INPUT, (24, 32)), torch.tensor([[-0.5, -0.5], [23.5, 31.5]]))
