from __future__ import annotations

import numpy as np
import pytest

from raypose.config import Augment
from raypose.data.augment import draw, half_body_boxes
from raypose.data.person import COCO_NAMES, COCO_SIGMAS
from raypose.data.table import DatasetInfo

INFO = DatasetInfo(COCO_NAMES, (), COCO_SIGMAS, upper_body=tuple(range(11)))
OFF = Augment(flip=0, rotation=0, scale=0, shift=0, half_body=0, color=0)


def people(n=500, seed=0):
    rng = np.random.default_rng(seed)
    keypoints = np.concatenate([rng.uniform(0, 200, (n, 17, 2)), rng.integers(0, 3, (n, 17, 1))], 2)
    return np.tile([0.0, 0.0, 200.0, 200.0], (n, 1)), keypoints


def test_off_changes_nothing():
    bbox, keypoints = people()
    drawn = draw(np.random.default_rng(0), OFF, bbox, keypoints, INFO)
    np.testing.assert_array_equal(drawn.bbox, bbox)
    assert not drawn.flip.any()
    assert not drawn.rotation.any()
    assert not drawn.shift.any()
    assert (drawn.scale == 1).all()
    assert (drawn.color == 1).all()


@pytest.mark.parametrize(
    ("augment", "name", "low", "high"),
    [
        ({"flip": 0.5}, "flip", 0, 1),
        ({"rotation": 40}, "rotation", -40, 40),
        ({"scale": 0.3}, "scale", 0.7, 1.3),
        ({"shift": 0.1}, "shift", -0.1, 0.1),
        ({"color": 0.4}, "color", 0.6, 1.4),
    ],
)
def test_each_change_has_its_range(augment, name, low, high):
    bbox, keypoints = people()
    values = getattr(draw(np.random.default_rng(0), Augment(**augment), bbox, keypoints, INFO), name).astype(float)
    assert low <= values.min() < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < values.max() <= high
    assert values.mean() == pytest.approx((low + high) / 2, abs=0.06 * (high - low))


def slow_half_body_box(box, keypoints, half):
    labelled = keypoints[:, 2] > 0
    parts = [[i for i in span if labelled[i]] for span in (range(11), range(11, 17))]
    chosen = parts[half] if len(parts[half]) >= 3 else parts[1 - half]
    if labelled.sum() < 8 or len(chosen) < 3:
        return box
    low, high = keypoints[chosen, :2].min(0), keypoints[chosen, :2].max(0)
    return [*((low + high) / 2 - 0.75 * (high - low)), *(1.5 * (high - low))]


def test_half_body_boxes():
    bbox, keypoints = people(200)
    half = np.random.default_rng(1).integers(2, size=200)
    expected = [slow_half_body_box(*row) for row in zip(bbox, keypoints, half, strict=True)]
    got = half_body_boxes(bbox, keypoints, INFO, half)
    np.testing.assert_allclose(got, expected)
    assert 0.5 < (got != bbox).any(1).mean() < 1
    other = DatasetInfo(("snout", *COCO_NAMES[1:]), (), COCO_SIGMAS)
    np.testing.assert_array_equal(half_body_boxes(bbox, keypoints, other, half), bbox)


def test_rectangles_are_erased_as_often_and_as_large_as_they_should_be():
    n = 20_000
    boxes, points = np.tile([0.0, 0, 10, 10], (n, 1)), np.zeros((n, 17, 3))
    erased = draw(np.random.default_rng(0), Augment(erasing=0.3), boxes, points, INFO).erased
    there = erased[:, 2] > 0
    assert there.mean() == pytest.approx(0.3, abs=0.02)
    assert (erased[~there] == 0).all()
    x, y, width, height = erased[there].T
    assert (x >= 0).all()
    assert (y >= 0).all()
    assert (x + width <= 1).all()
    assert (y + height <= 1).all()
    assert (width * height).min() >= 0.02 * 0.9
    assert (width * height).max() <= 0.33
    assert (width * height).mean() == pytest.approx(0.17, abs=0.01)
