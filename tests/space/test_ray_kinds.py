"""Each kind of dimension means what it means in Ray Tune, whose sampling runs here without a cluster."""

from __future__ import annotations

import random

import numpy as np
import optuna
import pytest
from ray import tune

from raypose.space import Space, from_random, from_trial

N = 3000
CASES = [
    ("uniform", [-1, 2]),
    ("quniform", [0, 1, 0.1]),
    ("quniform", [-0.6, 0.9, 0.15]),
    ("loguniform", [1e-4, 1e-1]),
    ("qloguniform", [1e-3, 1e-1, 1e-3]),
    ("randint", [2, 9]),
    ("qrandint", [8, 64, 8]),
    ("qrandint", [3, 50, 7]),
    ("qrandint", [0, 5, 1]),
    ("lograndint", [1, 40]),
]


def ours(kind: str, args: list, source: str) -> np.ndarray:
    space = Space.parse(f"x: {{{kind}: {args}}}")
    if source == "random":
        rng = random.Random(0)
        return np.array([space.sample(from_random(rng))["x"] for _ in range(N)])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return np.array([space.sample(from_trial(study.ask()))["x"] for _ in range(N // 5)])


@pytest.mark.parametrize("source", ["random", "optuna"])
@pytest.mark.parametrize(("kind", "args"), CASES)
def test_range_multiples_and_type(kind: str, args: list, source: str) -> None:
    theirs = np.array(getattr(tune, kind)(*args).sample(size=N, random_state=0))
    found = ours(kind, args, source)
    assert found.dtype.kind == theirs.dtype.kind
    if kind.startswith("q") or "int" in kind:
        grid = set(np.round(theirs, 9))
        assert set(np.round(found, 9)) <= grid
        if len(grid) < 40 and "log" not in kind:
            assert set(np.round(found, 9)) == grid
    else:
        assert args[0] <= found.min() <= found.max() <= args[1]


@pytest.mark.parametrize(("kind", "args"), CASES)
def test_random_values_are_distributed_as_ray_s(kind: str, args: list) -> None:
    theirs = np.array(getattr(tune, kind)(*args).sample(size=N, random_state=0), dtype=float).round(9)
    found = ours(kind, args, "random").astype(float).round(9)
    grid = np.union1d(theirs, found)
    cumulative = [np.searchsorted(np.sort(each), grid, side="right") / N for each in (theirs, found)]
    assert np.abs(cumulative[0] - cumulative[1]).max() < 0.05  # Kolmogorov-Smirnov
