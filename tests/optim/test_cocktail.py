from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import nn

from raypose.errors import RayPoseError
from raypose.optim import build_optimizer, build_schedule


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.ReLU())
        self.keypoint_head = nn.Linear(8, 2)

    def forward(self, x):
        return self.keypoint_head(self.backbone(x))


SGD = {"type": "SGD", "lr": 0.05, "momentum": 0.9}
ADAMW = {"type": "AdamW", "lr": 0.01}
CFG = {"constructor": "CocktailOptimizerConstructor", "backbone": SGD, "keypoint_head": ADAMW}
DATA = torch.randn(16, 5, generator=torch.Generator().manual_seed(1))


def make(cfg=CFG):
    torch.manual_seed(0)
    model = Net()
    return model, build_optimizer(cfg, model)


def train(model, *optimizers, schedule=None, steps=5):
    for _ in range(steps):
        for optimizer in optimizers:
            optimizer.zero_grad()
        (model(DATA) - DATA[:, :2]).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
        if schedule:
            schedule.step()
    return [p.detach().clone() for p in model.parameters()]


def saved(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_it_steps_like_the_optimizers_one_by_one():
    model, cocktail = make()
    torch.manual_seed(0)
    other = Net()
    apart = [
        torch.optim.SGD(other.backbone.parameters(), lr=0.05, momentum=0.9, fused=True),
        torch.optim.AdamW(other.keypoint_head.parameters(), lr=0.01, fused=True),
    ]
    for ours, theirs in zip(train(model, cocktail), train(other, *apart), strict=True):
        assert torch.equal(ours, theirs)
    cocktail.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_groups_are_those_of_the_parts_so_that_schedules_work():
    model, cocktail = make()
    schedule = torch.optim.lr_scheduler.ExponentialLR(cocktail, gamma=0.5)
    train(model, cocktail, schedule=schedule, steps=1)
    assert [group["lr"] for group in cocktail.param_groups] == [0.025, 0.005]
    assert [part.param_groups[0]["lr"] for part in cocktail.parts.values()] == [0.025, 0.005]


def test_a_saved_and_loaded_run_ends_like_one_that_went_on():
    schedule_cfg = {"type": "CosineAnnealingLR", "warmup": 0.2}
    model, cocktail = make()
    schedule = build_schedule(schedule_cfg, cocktail, 5, 4)
    train(model, cocktail, schedule=schedule, steps=7)
    state = saved([part.state_dict() for part in (model, cocktail, schedule)])
    whole = train(model, cocktail, schedule=schedule, steps=8)

    again, new = make()
    later = build_schedule(schedule_cfg, new, 5, 4)
    for part, values in zip((again, new, later), state, strict=True):
        part.load_state_dict(values)
    assert new.param_groups[1] is new.parts["keypoint_head"].param_groups[0]
    for ours, theirs in zip(train(again, new, schedule=later, steps=8), whole, strict=True):
        assert torch.equal(ours, theirs)


def test_the_state_of_other_parts_is_refused():
    _, cocktail = make()
    _, other = make({**CFG, "backbone.0": SGD})
    with pytest.raises(ValueError, match="the state is of the parts"):
        other.load_state_dict(cocktail.state_dict())


def test_it_works_with_a_gradient_scaler():
    model, cocktail = make()
    before = copy.deepcopy(model.state_dict())
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    scaler.scale(model(DATA).square().mean()).backward()
    scaler.unscale_(cocktail)
    scaler.step(cocktail)
    scaler.update()
    assert all(not torch.equal(before[name], value) for name, value in model.state_dict().items())
    model.keypoint_head.weight.grad.fill_(float("inf"))
    before = copy.deepcopy(model.state_dict())
    scaler.step(cocktail)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_closure_is_evaluated_once():
    model, cocktail = make()
    calls = []

    def closure():
        calls.append(1)
        loss = model(DATA).square().mean()
        loss.backward()
        return loss

    assert cocktail.step(closure) > 0
    assert calls == [1]


def test_the_longest_part_wins_and_parts_have_their_own_paramwise_cfg():
    cfg = {
        **CFG,
        "backbone.1": {"type": "Adam", "lr": 0.3},
        "backbone.0.weight": {"type": "Muon", "lr": 0.2},
        "keypoint_head": {**ADAMW, "paramwise_cfg": {"bias_lr_mult": 2, "custom_keys": {"head.w": {"lr_mult": 3}}}},
    }
    model, cocktail = make(cfg)
    assert {name: type(part).__name__ for name, part in cocktail.parts.items()} == {
        "backbone": "SGD",
        "keypoint_head": "AdamW",
        "backbone.1": "Adam",
        "backbone.0.weight": "Muon",
    }
    names = {id(p): name for name, p in model.named_parameters()}
    rates = {names[id(p)]: group["lr"] for group in cocktail.param_groups for p in group["params"]}
    assert rates == pytest.approx(
        {
            "backbone.0.weight": 0.2,
            "backbone.0.bias": 0.05,
            "backbone.1.weight": 0.3,
            "backbone.1.bias": 0.3,
            "keypoint_head.weight": 0.03,
            "keypoint_head.bias": 0.02,
        }
    )
    train(model, cocktail, steps=2)


def test_cycled_momentum_asks_for_what_all_parts_share():
    cycle = {"type": "OneCycleLR"}
    _, same = make({**CFG, "keypoint_head": {**SGD, "lr": 0.5}})
    build_schedule(cycle, same, 2, 5)
    assert [group["max_lr"] for group in same.param_groups] == [0.05, 0.5]
    _, mixed = make()
    with pytest.raises(RayPoseError, match="OneCycleLR: optimizer must support momentum"):
        build_schedule(cycle, mixed, 2, 5)
    build_schedule({**cycle, "cycle_momentum": False}, mixed, 2, 5)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"keypoint_head": None}, "no optimizer for keypoint_head.weight, keypoint_head.bias"),
        ({"keypoint_head": None}, "every trainable parameter must be in a part: add keypoint_head$"),
        ({"keypoint_hed": ADAMW}, "no parameter of the model is in 'keypoint_hed'; did you mean 'keypoint_head'"),
        ({"keypoint": ADAMW}, "no parameter of the model is in 'keypoint'"),  # a part of a name is no part
        ({"lr": 0.1}, "a cocktail maps parts"),
        ({"backbone": {"lr": 0.1}}, "backbone: the optimizer must be a mapping with a 'type'"),
        ({"backbone": {**SGD, "lr": -1}}, "backbone: SGD: Invalid learning rate"),
        ({"paramwise_cfg": {"bias_lr_mult": 2}}, "give each part its own"),
        ({"keypoint_head": None, "backbone": None}, "a cocktail maps parts"),
    ],
)
def test_mistakes(change, text):
    cfg = {key: value for key, value in {**CFG, **change}.items() if value is not None}
    with pytest.raises(RayPoseError, match=text):
        make(cfg)


def test_frozen_parameters_need_no_optimizer():
    model = Net()
    model.backbone.requires_grad_(False)
    cocktail = build_optimizer({"constructor": "CocktailOptimizerConstructor", "keypoint_head": ADAMW}, model)
    assert sum(len(group["params"]) for group in cocktail.param_groups) == 2
