from __future__ import annotations

import math

import pytest
import torch

from raypose import RayPoseError
from raypose.codecs import SimCCLabel

INPUT = (24, 16)
POINTS = torch.tensor([[[3.2, 15.3], [11.75, 7.0], [0.0, 15.0]]])


def encode(codec, ratio=2.0):
    lengths = int(INPUT[0] * ratio), int(INPUT[1] * ratio)
    return codec.encode(POINTS, torch.ones(1, 3), tuple((3, length) for length in lengths))[0]


@pytest.mark.parametrize("ratio", [1.5, 2.0])
@pytest.mark.parametrize("normalize", [True, False])
def test_gaussian_targets_equal_a_slow_reference(ratio, normalize):
    labels = encode(SimCCLabel(INPUT, sigma=(2.0, 3.0), simcc_split_ratio=ratio, normalize=normalize), ratio)
    for label, sigma, axis in zip(labels, (2.0, 3.0), (0, 1), strict=True):
        for k, point in enumerate(POINTS[0, :, axis].tolist()):
            center = (point + 0.5) * ratio - 0.5
            expected = [math.exp(-((b - center) ** 2) / (2 * sigma**2)) for b in range(int(INPUT[axis] * ratio))]
            total = sum(expected) if normalize else 1
            assert label[0, k].tolist() == pytest.approx([value / total for value in expected], abs=1e-5)


def test_standard_targets_are_the_nearest_bin_smoothed():
    x, y = encode(SimCCLabel(INPUT, "standard", label_smooth_weight=0.2))
    expected = torch.full((48,), 0.2 / 47)
    expected[23] = 0.0 + 0.8  # 11.75 is the centre of bin (11.75 + 0.5) * 2 - 0.5 = 24
    expected[[23, 24]] = expected[[24, 23]]
    torch.testing.assert_close(x[0, 1], expected, atol=1e-5, rtol=0)
    # Pixel 7 is as near to bin 14 as to 15.
    torch.testing.assert_close(y[0, 1, 14:16], torch.full((2,), 0.4 + 0.5 * 0.2 / 31))
    torch.testing.assert_close(x.sum(-1), torch.ones(1, 3))
    torch.testing.assert_close(y.sum(-1), torch.ones(1, 3))


def test_normalized_targets_sum_to_1_also_at_borders():
    for label in encode(SimCCLabel(INPUT)):
        torch.testing.assert_close(label.sum(-1), torch.ones(1, 3))


def test_decode_equals_a_slow_reference():
    generator = torch.Generator().manual_seed(0)
    logits = tuple(3 * torch.randn(4, 3, length, generator=generator) for length in (48, 32))
    points, scores = SimCCLabel(INPUT, sigma=2.0).decode(logits)
    for n in range(4):
        for k in range(3):
            coordinates, near = [], []
            for axis in logits:
                weights = [math.exp(value) for value in axis[n, k].tolist()]
                top = weights.index(max(weights))
                coordinates.append((top + 0.5) / 2 - 0.5)
                near.append(sum(weights[max(0, top - 4) : top + 5]) / sum(weights))
            assert points[n, k].tolist() == coordinates
            assert scores[n, k].item() == pytest.approx(min(near), abs=1e-5)


def test_scores_tell_sure_from_unsure():
    codec = SimCCLabel(INPUT, sigma=2.0)
    sure = tuple(torch.log(label + 1e-12) for label in encode(codec))
    _, scores = codec.decode(sure)
    _, unsure = codec.decode(tuple(0.3 * part for part in sure))
    _, none = codec.decode(tuple(0 * part for part in sure))
    assert (scores > 0.94).all()
    assert (unsure < scores).all()
    assert (none < 0.3).all()


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_dark_beats_the_highest_bin(noise):
    generator = torch.Generator().manual_seed(1)
    size = (96, 128)
    points = torch.rand(40, 5, 2, generator=generator) * (torch.tensor(size) - 1)
    targets, _ = SimCCLabel(size).encode(points, torch.ones(40, 5), ((5, 192), (5, 256)))
    logits = tuple(torch.log(part + 1e-6) for part in targets)
    logits = tuple(part + noise * torch.randn(part.shape, generator=generator) for part in logits)
    errors = [
        (SimCCLabel(size, use_dark=dark).decode(logits)[0] - points).norm(dim=-1).mean() for dark in (True, False)
    ]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize(("cfg", "message"), [
    ({"smoothing_type": "standard", "use_dark": True}, "use_dark reads the top of a gaussian"),
    ({"simcc_split_ratio": 0.1}, "fewer than 2 bins an axis"),
    ({"simcc_split_ratio": 0}, "'simcc_split_ratio' must be greater than 0"),
    ({"smoothing_type": "standard", "label_smooth_weight": 1.1}, "'label_smooth_weight' must be less than or equal to 1"),
    ({"label_smooth_weight": 0.1}, "label_smooth_weight is 0 for gaussian targets"),
    ({"sigma": (2.0, -1.0)}, "'sigma' must be greater than 0, but got -1"),
])  # fmt: skip
def test_wrong_values(cfg, message):
    with pytest.raises(RayPoseError, match=message):
        SimCCLabel(INPUT, **cfg)
