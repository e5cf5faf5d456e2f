"""`training.compile`: the same training, under the same names, or a clear error."""

import copy

import pytest
import torch
from torch import nn

from raypose.errors import RayPoseError
from raypose.training.compiled import compiled
from raypose.training.trainer import Trainer


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def loss(self, image, keypoints, visible):
        return {"loss": (self.layer(image).relu().sum(-1) - keypoints).square().mean()}


class Batch:
    def __init__(self, count, seed):
        generator = torch.Generator().manual_seed(seed)
        self.image = torch.rand(count, 2, generator=generator)
        self.keypoints, self.visible = torch.rand(count, generator=generator), torch.ones(count)


class Flat(Trainer):
    """With images of two numbers, which have no layout."""

    def __post_init__(self):
        super().__post_init__()
        self.layout = torch.preserve_format


def losses(model, **settings):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)
    trainer = Flat(model, optimizer, schedule, [], lambda model: {}, ema=0.9, **settings)
    values = [trainer.step(Batch(count, seed)) for seed, count in enumerate((4, 4, 3))]
    return torch.stack(values), trainer.state_dict()


@pytest.mark.slow
def test_a_compiled_step_trains_the_same():
    torch.manual_seed(0)
    model = Model()
    expected, state = losses(copy.deepcopy(model))
    values, other = losses(model, compile=True)
    torch.testing.assert_close(values, expected)
    for part in ("model", "ema"):
        assert list(other[part]) == list(state[part])
        torch.testing.assert_close(other[part], state[part])
    assert expected.unique().numel() == 3


def test_what_is_compiled_is_the_models_loss(monkeypatch):
    calls = []

    def fake(function, dynamic):
        assert dynamic is False
        return lambda *arguments: (calls.append(function.__name__), function(*arguments))[1]

    monkeypatch.setattr(torch, "compile", fake)
    losses(Model(), compile=True)
    assert calls == ["loss"] * 3
    losses(Model())
    assert len(calls) == 3


def test_no_compiler_is_told(monkeypatch):
    def broken(*arguments):
        raise torch._inductor.exc.InvalidCxxCompiler

    import torch._inductor.exc

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: broken)
    with pytest.raises(RayPoseError, match=r"No working C\+\+ compiler found.*; it needs a C\+\+ compiler") as raised:
        compiled(Model().loss)(1)
    assert raised.value.problems[0].rule == "compile"


def test_errors_of_the_model_stay_its_own(monkeypatch):
    def broken(*arguments):
        raise ValueError("mine")

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: function)
    with pytest.raises(ValueError, match="mine"):
        compiled(broken)(1)
