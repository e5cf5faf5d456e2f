from __future__ import annotations

import pytest

from raypose.space import Space, difference

BASE = """
name: a
model: {backbone: {choice: [{type: A, d: {choice: [1, 2]}}, {type: B}]}}
optimizer: {type: SGD, lr: {loguniform: [1e-4, 1e-2]}}
training: {epochs: 20}
tune: {metric: AP, num_trials: 10, resources: {cpu: 1}}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[1e-4, 1e-2]", "[1e-4, 1.0e-2]"),
        ("name: a", "name:   'a'   # the same"),
        ("num_trials: 10", "num_trials: 80, keep: 3, max_concurrent: 1, max_failures: 9"),
        (
            "num_trials: 10",
            "time_budget: 2h, gpu_hours: 3, total_epochs: 9, patience: 4, target: 0.8, stall_timeout: 9m",
        ),
        (
            "num_trials: 10",
            "num_trials: 9, repeats: 3, repeat_best: 2, final: true, initial_points: [{optimizer.lr: 1e-3}]",
        ),
        ("resources: {cpu: 1}", "resources: {gpu: 0.5}"),
        (", resources: {cpu: 1}", ""),
        ("{loguniform: [1e-4, 1e-2]}", "\n  {loguniform: [0.0001, 0.01]}"),
        ("{type: SGD, lr: {loguniform: [1e-4, 1e-2]}}", "{lr: {loguniform: [1e-4, 1e-2]}, type: SGD}"),
    ],
)
def test_what_may_change(old: str, new: str) -> None:
    assert old in BASE
    before, after = Space.parse(BASE), Space.parse(BASE.replace(old, new))
    assert difference(before, after) == []


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ("epochs: 20", "epochs: 21", ["training.epochs"]),
        ("epochs: 20", "epochs: 20, ema: {a: {b: 1}}", ["training.ema"]),
        ("training: {epochs: 20}\n", "", ["training"]),
        ("epochs: 20", "epochs: '20'", ["training.epochs"]),
        ("epochs: 20", "epochs: {choice: [20]}", ["training.epochs"]),
        ("1e-2]", "1e-3]", ["optimizer.lr"]),
        ("loguniform", "uniform", ["optimizer.lr"]),
        ("[1, 2]", "[2, 1]", ["model.backbone.A.d"]),
        ("{type: B}", "{type: C}", ["model.backbone"]),
        ("{type: B}", "{type: B, e: 1}", ["model.backbone.B.e"]),
        ("metric: AP", "metric: PCK", ["tune.metric"]),
        ("metric: AP", "metric: AP, sampler: {type: GPSampler}, scheduler: null", ["tune.sampler", "tune.scheduler"]),
        ("name: a\n", "name: b\nseed: 1\n", ["name", "seed"]),
    ],
)
def test_what_makes_another_search(old: str, new: str, paths: list[str]) -> None:
    assert old in BASE
    before, after = Space.parse(BASE), Space.parse(BASE.replace(old, new))
    assert difference(before, after) == paths
    assert difference(after, before) == paths


def test_tune_may_be_left_out() -> None:
    bare = Space.parse("a: 1")
    assert difference(bare, Space.parse("a: 1\ntune: {num_trials: 3}")) == []
