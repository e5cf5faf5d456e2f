from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from raypose.errors import RayPoseError
from raypose.metrics import AUC, EPE, NME, PCK, PCKh, check, evaluate, per_keypoint
from raypose.registry import METRICS


def table(rng, n=30, k=5):
    visible = rng.choice([0, 1, 2], size=(n, k, 1))
    points = np.concatenate([rng.uniform(0, 300, (n, k, 2)), visible], axis=-1)
    bbox = np.concatenate([rng.uniform(0, 50, (n, 2)), rng.uniform(20, 200, (n, 2))], axis=1)
    return SimpleNamespace(
        keypoints=points.astype(np.float32),
        bbox=bbox.astype(np.float32),
        truth=None,
        head_size=rng.uniform(5, 50, n).astype(np.float32),
        info=SimpleNamespace(names=("right_eye", "left_eye", "pelvis", "thorax", "tail")[:k]),
    )


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


@pytest.mark.parametrize("seed", range(3))
def test_nme_against_loops(seed):
    rng = np.random.default_rng(seed)
    truth = table(rng)
    truth.bbox[3, 2:] = 0
    truth.keypoints[4, 1] = truth.keypoints[4, 0]  # eyes in one place
    keypoints = truth.keypoints[..., :2] + rng.normal(size=(30, 5, 2)).astype(np.float32) * 20
    by_box, by_eyes = [], []
    for i, _, pixels in distances(truth, keypoints):
        side = max(truth.bbox[i, 2], truth.bbox[i, 3])
        (ax, ay, seen_a), (bx, by, seen_b) = truth.keypoints[i, :2].tolist()
        by_box += [pixels / side] if side > 0 else []
        by_eyes += [pixels / math.dist((ax, ay), (bx, by))] if seen_a and seen_b and (ax, ay) != (bx, by) else []
    assert 0 < len(by_eyes) < len(by_box) < (truth.keypoints[..., 2] > 0).sum()
    assert NME()(truth, keypoints, None) == {"NME": pytest.approx(sum(by_box) / len(by_box))}
    eyes = NME(keypoints=["right_eye", "left_eye"], name="eyes")(truth, keypoints, None)
    assert eyes == {"eyes": pytest.approx(sum(by_eyes) / len(by_eyes))}


@pytest.mark.parametrize("seed", range(3))
def test_pck_in_parts_of_the_distance_of_two_keypoints_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    truth = table(rng)
    keypoints = truth.keypoints[..., :2] + rng.normal(size=(30, 5, 2)).astype(np.float32) * 20
    hits: dict[int, list[bool]] = {}
    for i, j, pixels in distances(truth, keypoints):
        (ax, ay, seen_a), (bx, by, seen_b) = truth.keypoints[i, [1, 4]].tolist()
        if seen_a and seen_b:
            hits.setdefault(j, []).append(pixels < 0.2 * math.dist((ax, ay), (bx, by)))
    expected = sum(sum(each) / len(each) for each in hits.values()) / len(hits)
    found = PCK(threshold=0.2, keypoints=("left_eye", "tail"))(truth, keypoints, None)
    assert found == {"PCK": pytest.approx(expected)}
    assert 0.1 < expected < 0.9


@pytest.mark.parametrize("threshold", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_pckh_against_mmposes_way(seed, threshold):
    """A fraction for each keypoint, weighted by how often it is labelled, without pelvis and thorax."""
    rng = np.random.default_rng(seed)
    truth = table(rng)
    truth.head_size[5], truth.head_size[6] = 0, np.nan
    keypoints = truth.keypoints[..., :2] + rng.normal(size=(30, 5, 2)).astype(np.float32) * 20
    hits = {j: [] for j in range(5)}
    for i, j, pixels in distances(truth, keypoints):
        if truth.head_size[i] > 0:
            hits[j].append(pixels / truth.head_size[i] < threshold)
    used = [0, 1, 4]
    total = sum(len(hits[j]) for j in used)
    expected = sum(sum(hits[j]) / len(hits[j]) * len(hits[j]) / total for j in used)
    assert 0.05 < expected < 0.9
    assert PCKh(threshold=threshold)(truth, keypoints, None) == {"PCKh": pytest.approx(expected)}
    each = PCKh(threshold=threshold).per_keypoint(truth, keypoints, None)["PCKh"]
    assert each == pytest.approx([sum(hits[j]) / len(hits[j]) for j in range(5)])
    everything = PCKh(threshold=threshold, left_out=[])(truth, keypoints, None)["PCKh"]
    assert everything == pytest.approx(sum(map(sum, hits.values())) / sum(map(len, hits.values())))


@pytest.mark.parametrize(("norm_factor", "num_thrs"), [(30, 20), (50, 7)])
def test_auc_against_mmposes_way(norm_factor, num_thrs):
    rng = np.random.default_rng(0)
    truth = table(rng)
    keypoints = truth.keypoints[..., :2] + rng.normal(size=(30, 5, 2)).astype(np.float32) * 15
    found = list(distances(truth, keypoints))
    at_thresholds = []
    for threshold in (i / num_thrs for i in range(num_thrs)):
        hits = [[pixels / norm_factor < threshold for _, j, pixels in found if j == k] for k in range(5)]
        at_thresholds.append(sum(sum(each) / len(each) for each in hits) / 5)
    metric = AUC(norm_factor=norm_factor, num_thrs=num_thrs, name="area")
    assert metric(truth, keypoints, None) == {"area": pytest.approx(sum(at_thresholds) / num_thrs)}
    assert AUC()(truth, truth.keypoints[..., :2], None) == {"AUC": pytest.approx(0.95)}


def test_each_keypoint_is_measured_as_if_it_was_alone():
    rng = np.random.default_rng(0)
    truth = table(rng)
    truth.keypoints[:, 4, 2] = 0
    keypoints = truth.keypoints[..., :2] + rng.normal(size=(30, 5, 2)).astype(np.float32) * 15
    configurations = [{"type": name} for name in ("PCK", "EPE", "NME", "AUC", "PCKh")]
    found = per_keypoint(configurations, truth, keypoints, np.ones((30, 5)))
    assert list(found) == ["PCK", "EPE", "NME", "AUC", "PCKh"]
    for metric, values in found.items():
        assert tuple(values) == truth.info.names
        assert math.isnan(values["tail"])
        for k, name in enumerate(truth.info.names[:2]):
            alone = table(rng)
            alone.__dict__.update(truth.__dict__)
            alone.keypoints = truth.keypoints * (np.arange(5) == k)[:, None]
            expected = evaluate([{"type": metric}], alone, keypoints, np.ones((30, 5)))[metric]
            assert values[name] == pytest.approx(expected)
            assert type(values[name]) is float


def test_what_a_dataset_lacks_is_told_before_anything_is_predicted():
    truth = table(np.random.default_rng(0))
    truth.head_size = None
    wrong = [
        {"type": "PCKh"},
        {"type": "NME", "keypoints": ["right_eye", "left_ey"]},
        {"type": "PCK", "keypoints": ["tail", "nose"]},
        {"type": "PKC"},
        {"type": "EPE"},
    ]
    with pytest.raises(RayPoseError) as caught:
        check(wrong, truth)
    assert [str(problem) for problem in caught.value.problems[:3]] == [
        "PCKh needs the size of each head, which the dataset does not have; use it with the dataset Mpii and its "
        "headbox_file, or take PCK",
        "the dataset has no keypoint 'left_ey'; did you mean 'left_eye'?",
        "the dataset has no keypoint 'nose'; known: left_eye, pelvis, right_eye, tail, thorax",
    ]
    assert "did you mean 'PCK'" in str(caught.value.problems[3])
    assert len(caught.value.problems) == 4
    with pytest.raises(RayPoseError, match="PCKh needs the size of each head"):
        evaluate([{"type": "PCKh"}], truth, truth.keypoints[..., :2], np.ones((30, 5)))


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
    assert PCKh()(truth, broken, None) == {"PCKh": 0}
    assert AUC()(truth, broken, None) == {"AUC": 0}
    assert math.isnan(EPE()(truth, broken, None)["EPE"])
    assert math.isnan(NME()(truth, broken, None)["NME"])
    truth.keypoints[..., 2] = 0
    assert math.isnan(PCK()(truth, truth.keypoints[..., :2], None)["PCK"])
    for metric in (EPE(), NME(), AUC(), PCKh()):
        assert math.isnan(metric(truth, truth.keypoints[..., :2], None)[metric.names[0]])


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
        ([{"type": "PCK", "threshold": 0}], "PCK: 'threshold' must be greater than 0, but got 0"),
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
