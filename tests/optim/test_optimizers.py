from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from raypose.errors import RayPoseError
from raypose.optim import build_optimizer
from raypose.optim.optimizers import LEFT_OUT
from raypose.registry import OPTIMIZERS


def test_all_of_torch_optim_is_registered_but_what_is_left_out_with_a_reason():
    known = {name for name, member in vars(torch.optim).items() if inspect.isclass(member)} - {"Optimizer"}
    assert set(OPTIMIZERS) == known - set(LEFT_OUT)
    assert {"SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "RAdam", "NAdam"} <= set(OPTIMIZERS)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_lowers_a_loss(name):
    torch.manual_seed(0)
    model = nn.Linear(6, 3, bias=False)  # 2-D alone, for Muon
    x = torch.randn(32, 6)
    y = x @ torch.randn(6, 3)
    optimizer = build_optimizer({"type": name, "lr": 0.01}, model)
    assert type(optimizer) is getattr(torch.optim, name)

    def loss():
        return ((model(x) - y) ** 2).mean()

    before = loss().item()
    for _ in range(20):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < before


@pytest.mark.parametrize(
    ("cfg", "text"),
    [
        ({"type": "SGD", "lr": -0.1}, "SGD: Invalid learning rate: -0.1"),
        ({"type": "AdamW", "lr": 0.1, "betas": [0.9, 2]}, "AdamW: Invalid beta"),
        ({"type": "SGD", "lr": "fast"}, "SGD: "),
        ({"type": "SGD", "momentun": 0.9}, "did you mean 'momentum'"),
        ({"type": "SDG", "lr": 0.1}, "did you mean 'SGD'"),
        ({"type": "LBFGS"}, "unknown optimizer 'LBFGS'"),
        ({"lr": 0.1}, "a mapping with a 'type'"),
        ({"type": "Muon", "lr": 0.1}, "Muon only supports 2D parameters"),
    ],
)
def test_mistakes_are_told(cfg, text):
    with pytest.raises(RayPoseError, match=text):
        build_optimizer(cfg, nn.Linear(2, 2))


def test_a_frozen_model_is_an_error():
    with pytest.raises(RayPoseError, match="every parameter is frozen"):
        build_optimizer({"type": "SGD", "lr": 0.1}, nn.Linear(2, 2).requires_grad_(False))
