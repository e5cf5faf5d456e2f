"""Heatmaps against slow references, and how near to a keypoint each reading comes."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from raypose.codecs import MegviiHeatmap, MSRAHeatmap, UDPHeatmap
from raypose.codecs.blur import blur, kernel_sigma, matched_size
from raypose.codecs.dark import dark
from raypose.codecs.geometry import rescale
from raypose.codecs.peaks import highest

INPUT, SIZE = (96, 128), (24, 32)
POINTS = [(30.2, 40.9), (3.0, 120.0), (95.0, 0.0)]


def encoded(codec, channels=()):
    targets, _ = codec.encode(torch.tensor([POINTS]), torch.ones(1, 3), (3, *channels, SIZE[1], SIZE[0]))
    return targets[0].numpy()


@pytest.mark.parametrize("unbiased", [True, False])
def test_msra_targets_equal_a_slow_reference(unbiased):
    for (x, y), heatmap in zip(POINTS, encoded(MSRAHeatmap(INPUT, sigma=1.5, unbiased=unbiased)), strict=True):
        center = [(x + 0.5) / 4 - 0.5, (y + 0.5) / 4 - 0.5]
        center = center if unbiased else [round(c) for c in center]
        for row, column in np.ndindex(heatmap.shape):
            distance = (column - center[0]) ** 2 + (row - center[1]) ** 2
            assert heatmap[row, column] == pytest.approx(math.exp(-distance / 4.5), abs=1e-5)


def test_udp_gaussian_targets_equal_a_slow_reference():
    for (x, y), heatmap in zip(POINTS, encoded(UDPHeatmap(INPUT, sigma=1.5)), strict=True):
        for row, column in np.ndindex(heatmap.shape):
            distance = (column - x * 23 / 95) ** 2 + (row - y * 31 / 127) ** 2
            assert heatmap[row, column] == pytest.approx(math.exp(-distance / 4.5), abs=1e-5)


def test_udp_combined_targets_equal_a_slow_reference():
    radius = 0.1 * 32
    maps = encoded(UDPHeatmap(INPUT, "combined", radius_factor=0.1), (3,))
    for (x, y), (disc, x_offset, y_offset) in zip(POINTS, maps, strict=True):
        for row, column in np.ndindex(disc.shape):
            dx, dy = (x * 23 / 95 - column) / radius, (y * 31 / 127 - row) / radius
            expected = (1, dx, dy) if math.hypot(dx, dy) <= 1 else (0, 0, 0)
            got = (disc[row, column], x_offset[row, column], y_offset[row, column])
            assert got == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kernel_size", [5, 11])
def test_megvii_targets_are_opencv_blurs(kernel_size):
    for (x, y), heatmap in zip(POINTS, encoded(MegviiHeatmap(INPUT, kernel_size)), strict=True):
        column, row = int((x + 0.5) // 4), int((y + 0.5) // 4)
        pixel = np.zeros((SIZE[1], SIZE[0]), np.float32)
        pixel[row, column] = 1
        sigma = kernel_sigma(kernel_size)
        expected = cv2.GaussianBlur(pixel, (kernel_size,) * 2, sigma, borderType=cv2.BORDER_CONSTANT)
        np.testing.assert_allclose(heatmap, expected / expected[row, column], atol=1e-5)


def random_maps(blurred=False):
    maps = torch.rand(4, 5, 12, 9, generator=torch.Generator().manual_seed(1))
    return blur(maps, 7) if blurred else maps


def slow_peak(grid):
    score, row, column = max((grid[r, c], -r, -c) for r, c in np.ndindex(grid.shape))
    return score, -row, -column


def slow_quarter(grid, row, column):
    x, y = float(column), float(row)
    if 0 < column < grid.shape[1] - 1:
        x += 0.25 if grid[row, column + 1] > grid[row, column - 1] else -0.25
    if 0 < row < grid.shape[0] - 1:
        y += 0.25 if grid[row + 1, column] > grid[row - 1, column] else -0.25
    return x, y


def slow_dark(grid, row, column, kernel_size):
    """Every step of DARK on its own, in double precision, on one map."""
    center = [min(max(at, 1), length - 2) for at, length in zip((row, column), grid.shape, strict=True)]
    reach = [min(kernel_size // 2, min(at, length - 1 - at) - 1) for at, length in zip(center, grid.shape, strict=True)]
    sigma = kernel_sigma(kernel_size)
    log = np.zeros((3, 3))
    for i, j in np.ndindex(3, 3):
        total = norm = 0.0
        for dr in range(-reach[0], reach[0] + 1):
            for dc in range(-reach[1], reach[1] + 1):
                weight = math.exp(-(dr**2 + dc**2) / (2 * sigma**2))
                total += weight * grid[center[0] + i - 1 + dr, center[1] + j - 1 + dc]
                norm += weight
        log[i, j] = total / norm
    log = np.log(np.maximum(log, log.max() * 1e-4))
    slope = np.array([log[2, 1] - log[0, 1], log[1, 2] - log[1, 0]]) / 2
    bends = [min(-1e-6, log[2, 1] + log[0, 1] - 2 * log[1, 1]), min(-1e-6, log[1, 2] + log[1, 0] - 2 * log[1, 1])]
    mixed = (log[0, 0] + log[2, 2] - log[0, 2] - log[2, 0]) / 4
    mixed = mixed if bends[0] * bends[1] > mixed**2 else 0.0
    step = -np.linalg.solve([[bends[0], mixed], [mixed, bends[1]]], slope)
    top = [min(max(c + s, p - 1), p + 1) for c, s, p in zip(center, step, (row, column), strict=True)]
    row, column = (min(max(at, -0.5), length - 0.5) for at, length in zip(top, grid.shape, strict=True))
    return column, row


def assert_reads(codec, maps, read):
    """`codec` decodes maps as `read`, grid -> x, y, score, does each."""
    points, scores = codec.decode(maps)
    for n, k in np.ndindex(*maps.shape[:2]):
        x, y, score = read(maps[n, k].double().numpy())
        assert points[n, k].tolist() == pytest.approx([(x + 0.5) * 4 - 0.5, (y + 0.5) * 4 - 0.5], abs=5e-3)
        assert scores[n, k].item() == pytest.approx(score, abs=1e-6)


def test_quarter_pixels_equal_a_slow_reference():
    def read(grid):
        score, row, column = slow_peak(grid)
        return *slow_quarter(grid, row, column), score

    assert_reads(MSRAHeatmap((36, 48), unbiased=False), random_maps(), read)


@pytest.mark.parametrize("kernel_size", [1, 3, 7])
@pytest.mark.parametrize("blurred", [False, True])
def test_dark_equals_a_slow_reference(kernel_size, blurred):
    def read(grid):
        score, row, column = slow_peak(grid)
        return *slow_dark(grid, row, column, kernel_size), score

    assert_reads(MSRAHeatmap((36, 48), blur_kernel_size=kernel_size), random_maps(blurred), read)


def test_megvii_equals_a_slow_reference():
    kernel = np.exp(-(np.arange(-2, 3.0) ** 2) / (2 * kernel_sigma(5) ** 2))

    def read(grid):
        fit = np.zeros_like(grid)
        for row, column in np.ndindex(grid.shape):
            near = [(r, c) for r, c in np.ndindex(grid.shape) if abs(r - row) <= 2 and abs(c - column) <= 2]
            weights = np.array([kernel[r - row + 2] * kernel[c - column + 2] for r, c in near])
            fit[row, column] = weights @ [grid[at] for at in near] / np.linalg.norm(weights)
        _, row, column = slow_peak(fit)
        return *slow_quarter(fit, row, column), grid[row, column]

    assert_reads(MegviiHeatmap((36, 48), kernel_size=5), random_maps(), read)


def test_udp_combined_equals_a_slow_reference():
    maps = torch.stack([random_maps() for _ in range(3)], 2)
    maps[:, :, 1:] = torch.randn(maps[:, :, 1:].shape, generator=torch.Generator().manual_seed(2))
    points, scores = UDPHeatmap((36, 48), "combined", blur_kernel_size=3, radius_factor=0.2).decode(maps)
    for n, k in np.ndindex(4, 5):
        disc, dx, dy = maps[n, k].numpy()
        _, row, column = slow_peak(cv2.GaussianBlur(disc, (7, 7), kernel_sigma(7), borderType=cv2.BORDER_CONSTANT))
        x, y = column + dx[row, column] * 2.4, row + dy[row, column] * 2.4
        assert points[n, k].tolist() == pytest.approx([x * 35 / 8, y * 47 / 11], abs=1e-3)
        assert scores[n, k].item() == disc[row, column]


@pytest.mark.parametrize("sigma", [0.8, 1.0, 1.5, 2.0, 3.0])
def test_dark_is_exact_on_gaussians_of_any_width_and_at_borders(sigma):
    points = torch.rand(50, 5, 2, generator=torch.Generator().manual_seed(3)) * torch.tensor(INPUT) - 0.5
    for codec in (MSRAHeatmap(INPUT, sigma), UDPHeatmap(INPUT, sigma=sigma)):
        targets, _ = codec.encode(points, torch.ones(50, 5), (5, 32, 24))
        assert (codec.decode(targets)[0] - points).abs().max() <= 0.03  # of a heatmap pixel of 4


def test_dark_reads_the_top_of_a_slanted_gaussian():
    """Which needs the mixed derivative."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(24.0), indexing="ij")
    dx, dy = x - 12.4, y - 15.7
    maps = torch.exp(-(dx**2 + dy**2 - 1.6 * dx * dy) / 8)[None, None]
    column, row, _ = highest(maps)
    torch.testing.assert_close(dark(maps, column, row, 5), torch.tensor([[[12.4, 15.7]]]), atol=0.02, rtol=0)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_dark_and_udp_beat_quarter_pixels_and_highest_pixels(sigma, noise):
    generator = torch.Generator().manual_seed(4)
    points = torch.rand(60, 5, 2, generator=generator) * torch.tensor(INPUT) - 0.5
    disturbance = noise * torch.randn(60, 5, 32, 24, generator=generator)

    def error(codec, channels=()):
        targets, _ = codec.encode(points, torch.ones(60, 5), (5, *channels, 32, 24))
        targets = targets + (disturbance.unsqueeze(2) if channels else disturbance)
        return (codec.decode(targets)[0] - points).norm(dim=-1).mean().item()

    targets, _ = MSRAHeatmap(INPUT, sigma).encode(points, torch.ones(60, 5), (5, 32, 24))
    x, y, _ = highest(targets + disturbance)
    pixel = (rescale(torch.stack((x, y), -1) + 0.0, SIZE, INPUT) - points).norm(dim=-1).mean().item()
    quarter = MSRAHeatmap(INPUT, sigma)
    quarter.unbiased = False
    quarter.encode = MSRAHeatmap(INPUT, sigma).encode  # exact centres, so that only the reading differs
    unblurred = MSRAHeatmap(INPUT, sigma, blur_kernel_size=1)
    for codec in (MSRAHeatmap(INPUT, sigma), UDPHeatmap(INPUT, sigma=sigma)):
        assert error(codec) < 0.6 * min(pixel, error(quarter))
        assert error(codec) < (0.8 * error(unblurred) if noise else 0.03)
    assert error(UDPHeatmap(INPUT, "combined"), (3,)) < 0.5 * pixel


def test_kernels_are_those_of_opencv():
    for size in (3, 5, 11, 17):
        x = np.arange(size) - size // 2
        kernel = np.exp(-(x**2) / (2 * kernel_sigma(size) ** 2))
        expected = cv2.getGaussianKernel(size, kernel_sigma(size)).ravel()
        np.testing.assert_allclose(kernel / kernel.sum(), expected, atol=1e-6)
    assert matched_size(2.0) == 11
    assert matched_size(3.0) == 17
    assert matched_size(0.1) == 1
