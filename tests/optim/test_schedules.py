from __future__ import annotations

import copy
import inspect
import io
import math
import warnings

import pytest
import torch
from torch.optim import lr_scheduler

from raypose.errors import RayPoseError
from raypose.optim import build_schedule
from raypose.optim.schedules import LR_SCHEDULES

EPOCHS, PER_EPOCH, LR = 20, 10, 0.1
NEEDED = {
    "StepLR": {"step_size": 5},
    "MultiStepLR": {"milestones": [10, 15]},
    "ExponentialLR": {"gamma": 0.9},
    "CyclicLR": {"base_lr": 0.01},
}
NOT_VALUES = {"LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler", "ReduceLROnPlateau", "LRScheduler"}


def sgd(*rates):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates or [LR]]
    return torch.optim.SGD(groups, momentum=0.9)


def walk(schedule, steps):
    """Rates of the first group before each of `steps` steps."""
    rates = []
    for _ in range(steps):
        rates.append(schedule.inner.optimizer.param_groups[0]["lr"])
        schedule.inner.optimizer.step()
        schedule.step()
    return rates


def curve(cfg, optimizer=None, epochs=EPOCHS, per_epoch=PER_EPOCH):
    return walk(build_schedule(cfg, optimizer or sgd(), epochs, per_epoch), epochs * per_epoch)


def test_every_schedule_of_torch_that_takes_values_is_registered():
    assert set(LR_SCHEDULES) == set(lr_scheduler.__all__) - NOT_VALUES | {"FlatCosineAnnealingLR", "PolyLR"}


@pytest.mark.parametrize("name", list(LR_SCHEDULES))
def test_every_schedule_runs_through_with_its_defaults_and_resumes_exactly(name):
    cfg = {"type": name, **NEEDED.get(name, {}), "warmup": 0.1}
    whole = curve(cfg)
    assert all(0 <= rate <= LR + 1e-9 for rate in whole)
    for at in (0, 7, 20, 21, 110):  # in the warm-up, at its end, later
        optimizer = sgd()
        first = build_schedule(cfg, optimizer, EPOCHS, PER_EPOCH)
        walk(first, at)
        buffer = io.BytesIO()
        torch.save([optimizer.state_dict(), first.state_dict()], buffer)
        buffer.seek(0)
        state = torch.load(buffer, weights_only=True)
        for order in (1, -1):
            other = sgd()
            second = build_schedule(cfg, other, EPOCHS, PER_EPOCH)
            for part, saved in list(zip((other, second), copy.deepcopy(state), strict=True))[::order]:
                part.load_state_dict(saved)
            assert walk(second, EPOCHS * PER_EPOCH - at) == whole[at:]


@pytest.mark.parametrize("name", list(LR_SCHEDULES))
def test_signatures_tell_what_the_user_may_and_must_give(name):
    parameters = inspect.signature(LR_SCHEDULES.get(name)).parameters
    needed = {key for key, each in parameters.items() if each.default is each.empty}
    assert needed == {"optimizer", *NEEDED.get(name, {})}
    assert not {"last_epoch", "total_steps", "scale_fn"} & set(parameters)


def reference(name, epoch, epochs):
    """Closed forms, with `epoch` a fraction: torch's documentation for what it has once an epoch."""
    half = epochs / 2
    return {
        "StepLR": LR * 0.1 ** (epoch // 5),
        "MultiStepLR": LR * 0.1 ** sum(epoch >= each for each in (10, 15)),
        "ExponentialLR": LR * 0.9**epoch,
        "CosineAnnealingLR": LR * (1 + math.cos(math.pi * epoch / epochs)) / 2,
        "CosineAnnealingWarmRestarts": LR * (1 + math.cos(math.pi * epoch / epochs)) / 2,
        "PolynomialLR": LR * (1 - epoch / epochs),
        "LinearLR": LR * (1 / 3 + (1 - 1 / 3) * min(epoch, 5) / 5),
        "ConstantLR": LR / 3 if epoch < 5 else LR,
        "FlatCosineAnnealingLR": LR * (1 + math.cos(math.pi * max(0, epoch / epochs - 0.75) / 0.25)) / 2,
        "PolyLR": LR * (1 - epoch / epochs),
        "CyclicLR": 0.01 + (LR - 0.01) * (1 - abs(epoch - half) / half),
    }[name]


@pytest.mark.parametrize("name", [name for name in LR_SCHEDULES if name != "OneCycleLR"])
def test_curves_against_their_closed_forms(name):
    expected = [reference(name, step / PER_EPOCH, EPOCHS) for step in range(EPOCHS * PER_EPOCH)]
    assert curve({"type": name, **NEEDED.get(name, {})}) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_one_cycle_against_torchs_own_step_by_step():
    optimizer = sgd()
    theirs = lr_scheduler.OneCycleLR(optimizer, max_lr=LR, total_steps=EPOCHS * PER_EPOCH)
    expected = []
    for _ in range(EPOCHS * PER_EPOCH):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert curve({"type": "OneCycleLR"}) == expected
    assert max(expected) == pytest.approx(LR, rel=1e-3)


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        ({"type": "StepLR", "step_size": 2.5, "gamma": 0.5}, lambda e: LR * 0.5 ** (e // 2.5)),
        (
            {"type": "MultiStepLR", "milestones": [0.5, 1.5, 1.5]},
            lambda e: LR * 0.1 ** (int(e >= 0.5) + 2 * (e >= 1.5)),
        ),
        ({"type": "CosineAnnealingLR", "T_max": 4, "eta_min": 0.02}, lambda e: 0.06 + 0.04 * math.cos(math.pi * e / 4)),
        (
            {"type": "CosineAnnealingWarmRestarts", "T_0": 5},
            lambda e: LR * (1 + math.cos(math.pi * (e % 5) / 5)) / 2,
        ),
        ({"type": "PolynomialLR", "total_iters": 10, "power": 2}, lambda e: LR * (1 - min(e, 10) / 10) ** 2),
        ({"type": "PolyLR", "power": 0.9, "min_lr": 0.02}, lambda e: 0.02 + 0.08 * (1 - e / 20) ** 0.9),
        (
            {"type": "FlatCosineAnnealingLR", "start_percent": 0.4, "min_lr": 0.02},
            lambda e: 0.06 + 0.04 * math.cos(math.pi * max(0, e - 8) / 12),
        ),
        (
            {"type": "FlatCosineAnnealingLR", "start_percent": 0, "min_lr_ratio": 0.5},
            lambda e: LR * (0.75 + 0.25 * math.cos(math.pi * e / 20)),
        ),
    ],
)
def test_times_are_epochs_and_may_be_fractions(cfg, expected):
    assert curve(cfg) == pytest.approx([expected(s / PER_EPOCH) for s in range(200)], rel=1e-5, abs=1e-9)


def test_the_values_at_whole_epochs_are_those_of_torch_stepped_once_an_epoch():
    for name, args in (
        ("ExponentialLR", {"gamma": 0.9}),
        ("CosineAnnealingLR", {"T_max": 20}),
        ("StepLR", {"step_size": 3}),
    ):
        optimizer = sgd()
        theirs = getattr(lr_scheduler, name)(optimizer, **args)
        expected = []
        for _ in range(EPOCHS):
            expected.append(theirs.get_last_lr()[0])
            optimizer.step()
            theirs.step()
        assert curve({"type": name, **args})[::PER_EPOCH] == pytest.approx(expected)


@pytest.mark.parametrize(("warmup", "steps"), [(0.1, 20), (3, 30), (1.5, 15), (0, 0), (1, 10)])
def test_warmup_is_linear_from_near_0_and_the_schedule_runs_over_the_rest(warmup, steps):
    rates = curve({"type": "CosineAnnealingLR", "warmup": warmup})
    assert rates[:steps] == pytest.approx([LR * (s + 1) / (steps + 1) for s in range(steps)])
    rest = 200 - steps
    assert rates[steps:] == pytest.approx([LR * (1 + math.cos(math.pi * s / rest)) / 2 for s in range(rest)], abs=1e-9)


def test_the_flat_part_ends_at_a_fraction_of_the_whole_training():
    rates = curve({"type": "FlatCosineAnnealingLR", "start_percent": 0.5, "warmup": 4})
    assert rates[40:101] == pytest.approx([LR] * 61)
    falling = [LR * (1 + math.cos(math.pi * (s - 100) / 100)) / 2 for s in range(100, 200)]
    assert rates[100:] == pytest.approx(falling, abs=1e-9)
    rates = curve({"type": "FlatCosineAnnealingLR", "start_percent": 0.1, "warmup": 4})  # a start in the warm-up
    assert rates[40:] == pytest.approx([LR * (1 + math.cos(math.pi * s / 160)) / 2 for s in range(160)], abs=1e-9)


def test_milestones_count_from_the_start_of_the_training():
    rates = curve({"type": "MultiStepLR", "milestones": [1, 10, 15], "warmup": 2})
    drops = [s for s in range(1, 200) if rates[s] < rates[s - 1]]
    assert drops == [100, 150]
    assert rates[20] == pytest.approx(LR * 0.1)  # a milestone in the warm-up is reached at its end
    assert rates[10] == pytest.approx(LR * 0.1 * 11 / 21)


def test_no_schedule_is_a_constant_rate_for_each_group():
    optimizer = sgd(0.1, 0.3)
    schedule = build_schedule(None, optimizer, 3, 2)
    assert set(walk(schedule, 6)) == {0.1}
    assert schedule.get_last_lr() == [0.1, 0.3]


def test_groups_keep_their_proportion():
    for name in ("CosineAnnealingLR", "OneCycleLR"):
        optimizer = sgd(0.1, 0.3)
        schedule = build_schedule({"type": name, "warmup": 0.1}, optimizer, 5, 4)
        for _ in range(20):
            first, second = schedule.get_last_lr()
            assert second == pytest.approx(3 * first)
            optimizer.step()
            schedule.step()


def test_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in LR_SCHEDULES:
            curve({"type": name, **NEEDED.get(name, {}), "warmup": 0.1}, epochs=3, per_epoch=4)


def test_a_users_schedule_is_stepped_once_an_epoch_and_one_with_a_clock_once_a_step():
    class Halving(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [rate * 0.5**self.last_epoch for rate in self.base_lrs]

    def by_steps(optimizer, clock):
        return lr_scheduler.PolynomialLR(optimizer, total_iters=clock.rest)

    LR_SCHEDULES.register_module(module=Halving)
    LR_SCHEDULES.register_module(module=by_steps)
    try:
        rates = curve({"type": "Halving", "warmup": 1}, epochs=4, per_epoch=3)
        assert rates == pytest.approx([0.025, 0.05, 0.075] + [0.1] * 3 + [0.05] * 3 + [0.025] * 3)
        rates = curve({"type": "by_steps"}, epochs=2, per_epoch=5)
        assert rates == pytest.approx([0.1 * (1 - s / 10) for s in range(10)])
    finally:
        LR_SCHEDULES.remove(lambda component: component in (Halving, by_steps))


@pytest.mark.parametrize(
    ("cfg", "text"),
    [
        ({"type": "CosinAnnealingLR"}, "did you mean 'CosineAnnealingLR'"),
        ({"warmup": 0.1}, "a mapping with a 'type'"),
        ({"type": "StepLR"}, "StepLR needs the argument 'step_size'"),
        ({"type": "StepLR", "step_size": 0}, "step_size > 0 must hold, but got 0"),
        ({"type": "StepLR", "step": 3, "step_size": 3}, "StepLR takes no argument 'step'"),
        ({"type": "StepLR", "step_size": "3"}, "StepLR: "),
        ({"type": "ConstantLR", "factor": 2}, "ConstantLR: Constant multiplicative factor"),
        ({"type": "CyclicLR", "base_lr": 0.1, "mode": "square"}, "CyclicLR: mode is invalid"),
        ({"type": "OneCycleLR", "total_steps": 3}, "OneCycleLR takes no argument 'total_steps'"),
        ({"type": "CosineAnnealingLR", "warmup": -1}, "warmup >= 0 must hold"),
        ({"type": "CosineAnnealingLR", "warmup": 20}, "the warm-up takes 200 of 200 steps"),
        ({"type": "FlatCosineAnnealingLR", "start_percent": 1}, "start_percent < 1 must hold, but got 1"),
        ({"type": "FlatCosineAnnealingLR", "min_lr": 0, "min_lr_ratio": 0}, "give one of them"),
    ],
)
def test_mistakes(cfg, text):
    with pytest.raises(RayPoseError, match=text):
        build_schedule(cfg, sgd(), EPOCHS, PER_EPOCH)
