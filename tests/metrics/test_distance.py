from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from raypose.errors import RayPoseError
from raypose.metrics import EPE, PCK, evaluate
from raypose.registry import METRICS


def table(rng, n=30, k=5):
    visible = rng.choice([0, 1, 2], size=(n, k, 1))
    points = np.concatenate([rng.uniform(0, 300, (n, k, 2)), visible], axis=-1)
    bbox = np.concatenate([rng.uniform(0, 50, (n, 2)), rng.uniform(20, 200, (n, 2))], axis=1)
    return SimpleNamespace(keypoints=points.astype(np.float32), bbox=bbox.astype(np.float32))


def distances(truth, keypoints):
    """(row, keypoint, pixels) of everything labelled, one by one."""
    for i, person in enumerate(truth.keypoints):
        for j, (x, y, visible) in enumerate(person):
            if visible > 0:
                yield i, j, math.hypot(keypoints[i, j, 0] - x, keypoints[i, j, 1] - y)


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_against_loops(seed, threshold):
    rng = np.random.default_rng(seed)
    truth = table(rng)
    keypoints = truth.keypoints[..., :2] + rng.normal(size=(30, 5, 2)).astype(np.float32) * 20
    scores = np.ones((30, 5), np.float32)
    found = list(distances(truth, keypoints))
    hits: dict[int, list[bool]] = {}
    for i, j, pixels in found:
        hits.setdefault(j, []).append(pixels < threshold * max(truth.bbox[i, 2], truth.bbox[i, 3]))
    expected = sum(sum(each) / len(each) for each in hits.values()) / len(hits)
    assert PCK(threshold=threshold)(truth, keypoints, scores) == {"PCK": pytest.approx(expected)}
    error = EPE()(truth, keypoints, scores)
    assert error == {"EPE": pytest.approx(sum(pixels for *_, pixels in found) / len(found))}
    assert type(error["EPE"]) is float


def test_what_is_not_labelled_does_not_matter():
    truth = table(np.random.default_rng(0))
    keypoints = np.where(truth.keypoints[..., 2:] > 0, truth.keypoints[..., :2], 1e6)
    assert EPE()(truth, keypoints, None) == {"EPE": 0}
    assert PCK()(truth, keypoints, None) == {"PCK": 1}
    truth.keypoints[:, 3, 2] = 0  # a keypoint that nobody has
    assert PCK()(truth, keypoints, None) == {"PCK": 1}


def test_numbers_that_are_none():
    truth = table(np.random.default_rng(0))
    broken = np.full((30, 5, 2), np.nan, np.float32)
    assert PCK()(truth, broken, None) == {"PCK": 0}
    assert math.isnan(EPE()(truth, broken, None)["EPE"])
    truth.keypoints[..., 2] = 0
    assert math.isnan(PCK()(truth, truth.keypoints[..., :2], None)["PCK"])
    assert math.isnan(EPE()(truth, truth.keypoints[..., :2], None)["EPE"])


def test_a_box_without_size_is_missed_without_a_warning():
    truth = table(np.random.default_rng(0))
    truth.bbox[:, 2:] = 0
    assert PCK()(truth, truth.keypoints[..., :2] + 1, None) == {"PCK": 0}


def test_evaluate_joins_metrics():
    truth = table(np.random.default_rng(0))
    keypoints, scores = truth.keypoints[..., :2] + 3, np.ones((30, 5))
    metrics = [
        {"type": "PCK", "threshold": 0.1},
        {"type": "PCK", "threshold": 0.001, "name": "strict"},
        {"type": "EPE"},
    ]
    values = evaluate(metrics, truth, keypoints, scores)
    assert list(values) == ["PCK", "strict", "EPE"]
    assert values["EPE"] == pytest.approx(math.sqrt(18), rel=1e-5)
    assert values["strict"] == 0
    assert evaluate([], truth, keypoints, scores) == {}


def test_a_users_metric():
    class Mine:
        names = ("mine",)

        def __call__(self, table, keypoints, scores):
            return {"mine": np.float32(0.5)}

    METRICS.register_module(module=Mine)
    try:
        truth = table(np.random.default_rng(0))
        values = evaluate([{"type": "Mine"}], truth, truth.keypoints[..., :2], np.ones((30, 5)))
        assert values == {"mine": 0.5}
        assert type(values["mine"]) is float
    finally:
        METRICS.remove(lambda component: component is Mine)


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ([{"type": "PKC"}], "did you mean 'PCK'"),
        ([{"type": "PCK", "threshold": 0}], "threshold > 0 must hold, but got 0"),
        ([{"type": "PCK", "thr": 0.1}], "PCK takes no argument 'thr'"),
        ([{"type": "PCK"}, {"type": "PCK", "threshold": 0.2}], "two metrics give 'PCK'"),
    ],
)
def test_mistakes(metrics, text):
    truth = table(np.random.default_rng(0))
    with pytest.raises(RayPoseError, match=text):
        evaluate(metrics, truth, truth.keypoints[..., :2], np.ones((30, 5)))


def test_shapes_that_do_not_fit_are_told():
    truth = table(np.random.default_rng(0))
    with pytest.raises(RayPoseError, match=r"keypoints \(3, 5, 2\)"):
        evaluate([{"type": "EPE"}], truth, truth.keypoints[:3, :, :2], np.ones((30, 5)))
