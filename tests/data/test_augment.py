from __future__ import annotations

import numpy as np
import pytest

from raypose.config import Augment
from raypose.data.augment import draw, half_body_boxes, recolor
from raypose.data.person import COCO_NAMES, COCO_SIGMAS
from raypose.data.table import DatasetInfo

INFO = DatasetInfo(COCO_NAMES, (), COCO_SIGMAS)
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


def test_recolor():
    image = np.random.default_rng(0).integers(60, 180, (8, 8, 3), np.uint8)
    luma = lambda pixels: pixels @ [0.299, 0.587, 0.114]  # noqa: E731
    np.testing.assert_array_equal(recolor(image, np.ones(3)), image)
    np.testing.assert_allclose(recolor(image, np.array([1.2, 1, 1])), image * 1.2, atol=0.6)
    middle = luma(image.reshape(-1, 3).mean(0))
    np.testing.assert_allclose(recolor(image, np.array([1, 0.7, 1])), middle + 0.7 * (image - middle), atol=0.6)
    gray = luma(image)[:, :, None].repeat(3, 2)
    np.testing.assert_allclose(recolor(image, np.array([1, 1, 0.0])), gray, atol=0.6)
    assert recolor(image, np.array([9.0, 1, 1])).max() == 255
