from __future__ import annotations

import math

import pytest
import torch

from raypose.codecs import IntegralRegressionLabel, RegressionLabel

INPUT = (96, 128)


def test_fractions_are_of_the_whole_input():
    corners = torch.tensor([[[-0.5, -0.5], [47.5, 63.5], [95.0, 127.0]]])
    for codec in (RegressionLabel(INPUT), IntegralRegressionLabel(INPUT)):
        targets, _ = codec.encode(corners, torch.ones(1, 3))
        torch.testing.assert_close(targets, torch.tensor([[[0.0, 0.0], [0.5, 0.5], [95.5 / 96, 127.5 / 128]]]))


def test_scores_are_1_without_sigmas_and_less_with_them():
    points, scores = RegressionLabel(INPUT).decode(torch.tensor([[[0.5, 0.5, 0.1, 0.3], [0.0, 1.0, 0.0, 1.0]]]))
    torch.testing.assert_close(points, torch.tensor([[[47.5, 63.5], [-0.5, 127.5]]]))
    torch.testing.assert_close(scores, torch.tensor([[0.8, 0.5]]))
    assert RegressionLabel(INPUT).decode(torch.rand(2, 3, 2))[1].tolist() == [[1, 1, 1]] * 2


def test_densities_equal_a_slow_reference():
    points = torch.tensor([[[30.2, 40.9], [95.0, 0.0]]])
    (_, density), _ = IntegralRegressionLabel(INPUT, sigma=1.5).encode(points, torch.ones(1, 2), ((2, 2), (2, 32, 24)))
    for k, (x, y) in enumerate(points[0].tolist()):
        cx, cy = (x + 0.5) / 4 - 0.5, (y + 0.5) / 4 - 0.5
        expected = [[math.exp(-((c - cx) ** 2 + (r - cy) ** 2) / 4.5) for c in range(24)] for r in range(32)]
        total = sum(map(sum, expected))
        assert density[0, k].sum().item() == pytest.approx(1, abs=1e-5)
        torch.testing.assert_close(density[0, k], torch.tensor(expected) / total, atol=1e-6, rtol=0)


def test_the_mean_of_a_density_is_the_coordinate():
    """Head and codec share the convention that pixel i of w is at the fraction (i + 0.5) / w."""
    points = torch.tensor([[[40.3, 70.8]]])
    codec = IntegralRegressionLabel(INPUT)
    (coordinates, density), _ = codec.encode(points, torch.ones(1, 1), ((1, 2), (1, 32, 24)))
    x = (density.sum(-2) * (torch.arange(24) + 0.5) / 24).sum(-1)
    y = (density.sum(-1) * (torch.arange(32) + 0.5) / 32).sum(-1)
    torch.testing.assert_close(torch.stack((x, y), -1), coordinates, atol=1e-5, rtol=0)


def test_the_score_of_a_density_is_what_lies_near_the_coordinate():
    codec = IntegralRegressionLabel(INPUT, sigma=1.0)
    density = torch.zeros(1, 2, 32, 24)
    density[0, 0, 10, 6] = 1  # all where the coordinate is
    density[0, 1, 10, 6], density[0, 1, 10, 20] = 0.7, 0.3  # a part of it elsewhere along x
    there = torch.tensor([[[6.5 / 24, 10.5 / 32]]]).expand(1, 2, 2)
    _, scores = codec.decode((there, density))
    torch.testing.assert_close(scores, torch.tensor([[1.0, 0.7]]))
