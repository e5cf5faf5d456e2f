"""Fused where torch has it and nobody chose otherwise; the same steps."""

import copy
import inspect

import pytest
import torch
from torch import nn

from raypose import OPTIMIZERS
from raypose.optim import build_optimizer
from raypose.training.continued import align

FUSED = {"Adam", "AdamW", "SGD", "Adagrad"}
TORCHS = sorted(name for name in {*OPTIMIZERS} - {"Muon"} if OPTIMIZERS.get(name).__module__.startswith("torch."))


def net():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 2))
    return model.to(memory_format=torch.channels_last)


def train(model, optimizer, steps=4):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        image = torch.rand(2, 3, 8, 8, generator=generator).to(memory_format=torch.channels_last)
        model(image).square().mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    return dict(model.named_parameters())


@pytest.mark.parametrize("name", TORCHS)
def test_which_are(name):
    optimizer = build_optimizer({"type": name, "lr": 1e-3}, net())
    assert bool(optimizer.param_groups[0].get("fused")) == (name in FUSED)


@pytest.mark.parametrize(
    "cfg",
    [
        {"type": "AdamW", "lr": 0.01, "amsgrad": True},
        {"type": "Adam", "lr": 0.01, "weight_decay": 0.01},
        {"type": "SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True, "paramwise_cfg": {"bias_lr_mult": 2}},
        {"type": "Adagrad", "lr": 0.01},
    ],
    ids=lambda cfg: cfg["type"],
)
def test_the_steps_are_the_same(cfg):
    model, other = net(), net()
    fused, plain = build_optimizer(cfg, model), build_optimizer({**cfg, "foreach": False}, other)
    assert fused.param_groups[0]["fused"]
    assert not plain.param_groups[0]["fused"]
    torch.testing.assert_close(train(model, fused), train(other, plain))
    assert not torch.equal(model[0].weight, net()[0].weight)


@pytest.mark.parametrize(
    "choice", [{"fused": False}, {"foreach": True}, {"capturable": False}, {"differentiable": True}]
)
def test_a_choice_stays(choice):
    optimizer = build_optimizer({"type": "AdamW", **choice}, net())
    assert not optimizer.param_groups[0]["fused"]


def test_a_class_of_ones_own_is_built_as_written():
    class Own(torch.optim.SGD):
        def __init__(self, params, lr=0.1, fused=None):
            assert fused is None
            super().__init__(params, lr, fused=fused)

    assert not build_optimizer({"type": Own}, net()).param_groups[0]["fused"]


def test_parameters_without_values_and_other_numbers():
    assert build_optimizer({"type": "AdamW"}, net().to("meta")).param_groups[0]["fused"]  # as it is going to be
    model = net()
    model.phase = nn.Parameter(torch.ones(1, dtype=torch.complex64))
    assert not build_optimizer({"type": "AdamW"}, model).param_groups[0]["fused"]


def test_a_gradient_scaler_skips_what_is_not_finite():
    model = net()
    optimizer, scaler = (
        build_optimizer({"type": "AdamW", "lr": 0.1}, model),
        torch.amp.GradScaler("cpu", init_scale=4.0),
    )
    before = copy.deepcopy(model.state_dict())
    for value in (float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale(model[3].weight.sum() * value).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        assert torch.equal(model[3].weight, before["3.weight"]) == (value != 1.0)
    assert scaler.get_scale() == 2.0


def test_a_state_of_another_memory_layout():
    """Fused kernels go by addresses alone."""
    model, other = net(), net()
    optimizers = [build_optimizer({"type": "AdamW", "lr": 0.01}, each) for each in (model, other)]
    train(model, optimizers[0]), train(other, optimizers[1])
    state = optimizers[1].state[other[0].weight]
    assert "step" in state
    state["exp_avg"] = state["exp_avg"].contiguous()
    assert state["exp_avg"].stride() != other[0].weight.stride()
    align(optimizers[1])
    torch.testing.assert_close(train(model, optimizers[0]), train(other, optimizers[1]), rtol=0, atol=0)


def test_counts_of_steps_from_one_that_was_not_fused():
    """They stay on the CPU then, where fused kernels of another device can't read them."""
    model = net().to("meta")
    optimizer = build_optimizer({"type": "AdamW", "lr": 0.01}, model)
    state = {"step": torch.tensor(3.0), "exp_avg": torch.zeros_like(model[0].weight)}
    optimizer.state[model[0].weight] = state
    align(optimizer)
    assert state["step"].device.type == "meta"
    plain = build_optimizer({"type": "AdamW", "lr": 0.01, "fused": False}, model)
    plain.state[model[0].weight] = {"step": torch.tensor(3.0)}
    align(plain)
    assert plain.state[model[0].weight]["step"] == 3


def test_a_torch_without_the_kernels_is_asked_for_none(monkeypatch):
    """As Adagrad's for GPUs before torch 2.9."""
    monkeypatch.setattr(torch.ops.aten._fused_adagrad_.default, "has_kernel_for_dispatch_key", lambda key: False)
    assert not build_optimizer({"type": "Adagrad"}, net()).param_groups[0]["fused"]
    assert build_optimizer({"type": "SGD", "lr": 0.1}, net()).param_groups[0]["fused"]


def test_torch_has_it_where_it_is_said_to():
    assert {name for name in TORCHS if "fused" in inspect.signature(OPTIMIZERS.get(name)).parameters} == FUSED
