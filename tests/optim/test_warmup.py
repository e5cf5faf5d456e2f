from __future__ import annotations

import copy

import pytest
import torch

from raypose.check.slots import EXTRA
from raypose.errors import RayPoseError
from raypose.optim import build_schedule
from raypose.optim.warmup import KINDS, RATIO, WARMUP_KEYS, read_warmup

LR, EPOCHS, PER_EPOCH = (0.1, 0.3), 20, 10


def start(cfg):
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LR])
    return build_schedule({"type": "ConstantLR", "factor": 1.0, **cfg}, optimizer, EPOCHS, PER_EPOCH), optimizer


def rates(schedule, optimizer, steps=200):
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr())
        optimizer.step()
        schedule.step()
    return found


def mmcv(kind, ratio, step, steps):
    """The factor as mmcv's LrUpdaterHook.get_warmup_lr computes it."""
    if step >= steps:
        return 1
    if kind == "constant":
        return ratio
    if kind == "linear":
        return 1 - (1 - step / steps) * (1 - ratio)
    return ratio ** (1 - step / steps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ratio", [None, 0.001, 0.5, 1])
@pytest.mark.parametrize(
    ("length", "steps"),
    [({"warmup_iters": 35}, 35), ({"warmup": 3}, 30), ({"warmup": 1.5}, 15), ({"warmup": 0.1}, 20), ({"warmup": 0}, 0)],
)
def test_every_kind_against_mmcvs_formula(kind, ratio, length, steps):
    cfg = {"warmup_type": kind, **length, **({} if ratio is None else {"warmup_ratio": ratio})}
    if ratio is None:
        ratio = 1 / (steps + 1) if kind == "linear" else RATIO
    expected = [[lr * mmcv(kind, ratio, step, steps) for lr in LR] for step in range(200)]
    assert rates(*start(cfg)) == [pytest.approx(each) for each in expected]


def test_a_number_alone_is_linear_from_near_0():
    expected = [[lr * min(1, (step + 1) / 21) for lr in LR] for step in range(200)]
    assert rates(*start({"warmup": 0.1})) == [pytest.approx(each) for each in expected]


@pytest.mark.parametrize("kind", KINDS)
def test_it_resumes_exactly(kind):
    cfg = {"type": "CosineAnnealingLR", "warmup_type": kind, "warmup_iters": 30, "warmup_ratio": 0.01}
    whole = rates(*_cosine(cfg))
    for at in (1, 29, 30, 31):
        schedule, optimizer = _cosine(cfg)
        rates(schedule, optimizer, at)
        state = copy.deepcopy([schedule.state_dict(), optimizer.state_dict()])
        schedule, optimizer = _cosine(cfg)
        schedule.load_state_dict(state[0])
        optimizer.load_state_dict(state[1])
        assert rates(schedule, optimizer, 200 - at) == whole[at:]


def _cosine(cfg):
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LR])
    return build_schedule(cfg, optimizer, EPOCHS, PER_EPOCH), optimizer


@pytest.mark.parametrize(
    ("cfg", "text"),
    [
        ({"warmup": "linear"}, "warmup is a length, but got 'linear'; write that as warmup_type"),
        ({"warmup": "0.1"}, "warmup >= 0 must hold, but got '0.1'"),
        ({"warmup_iters": -1}, "warmup_iters >= 0 must hold, but got -1"),
        ({"warmup_iters": 200}, "the warm-up takes 200 of 200 steps; make it shorter"),
        ({"warmup": 0.1, "warmup_iters": 5}, "one length, but got .*; give warmup or warmup_iters"),
        ({"warmup_ratio": 0.1}, "one length, but got none"),
        ({"warmup": 1, "warmup_type": "expo"}, "unknown warmup_type 'expo'; did you mean 'exp'"),
        ({"warmup": 1, "warmup_ratio": 0}, "0 < warmup_ratio <= 1 must hold, but got 0"),
        ({"warmup": 1, "warmup_ratio": "0.1"}, "0 < warmup_ratio <= 1 must hold"),
    ],
)
def test_mistakes_in_a_warmup(cfg, text):
    with pytest.raises(RayPoseError, match=text):
        read_warmup(cfg, 200, 10)


def test_the_check_knows_the_same_keys():
    assert set(EXTRA["lr_schedule"]) == set(WARMUP_KEYS)
