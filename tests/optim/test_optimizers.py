from __future__ import annotations

import copy
import importlib
import inspect
import io
import runpy
import sys

import pytest
import torch
from torch import nn

from raypose import registry
from raypose.errors import RayPoseError
from raypose.optim import build_optimizer, optimizers
from raypose.optim.optimizers import LEFT_OUT, TIMM
from raypose.registry import OPTIMIZERS

TORCH = {name for name, member in vars(torch.optim).items() if inspect.isclass(member)} - {"Optimizer"}
NEEDED = {"SGDP": {"lr": 0.05}}  # timm gives it no default
FLAT_ONLY = {"Muon"}  # 2-D parameters alone

X = torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(0))
Y = torch.stack([X.mean(1), X[:, 0]], dim=1)


@pytest.fixture(autouse=True)
def eager():
    """Kron compiles its steps, which takes seconds."""
    torch.compiler.set_stance("force_eager")
    yield
    torch.compiler.set_stance("default")


def net(name):
    torch.manual_seed(0)
    if name in FLAT_ONLY:
        return nn.Sequential(nn.Flatten(), nn.Linear(108, 72, bias=False), nn.Unflatten(1, (2, 6, 6)))
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))


def train(model, optimizer, steps):
    losses = []
    for _ in range(steps):
        torch.manual_seed(0)  # Kron draws noise
        optimizer.zero_grad()
        loss = (model(X) - Y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_all_of_torch_and_timm_is_registered_but_what_is_left_out_with_a_reason():
    from timm import optim

    own = optim.list_optimizers(exclude_filters=["bnb*", "fused*"])  # of other packages
    timm = {optim.get_optimizer_class(name, bind_defaults=False) for name in own} | {optim.Lookahead}
    timm = {each.__name__ for each in timm if each.__module__.startswith("timm.")}
    assert len(timm) > 20
    left_out = {name.rpartition(".")[2] for name in LEFT_OUT}
    assert set(OPTIMIZERS) == (TORCH | timm) - left_out
    assert set(TIMM) == timm - TORCH - left_out
    assert left_out <= TORCH | timm


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_refused_under_each_of_its_names(name):
    package, plain = name.partition(".")[0], name.rpartition(".")[2]
    for each in (plain, name, f"{package}.optim.{plain}"):
        with pytest.raises(RayPoseError, match=f"^optimizer '{each}' {LEFT_OUT[name]}$"):
            build_optimizer({"type": each, "lr": 0.01}, net(""))


def test_muons_error_says_what_to_do():
    with pytest.raises(RayPoseError, match=r"only supports 2D .*; give it some .* CocktailOptimizerConstructor"):
        build_optimizer({"type": "Muon", "lr": 0.01}, net(""))
    with pytest.raises(RayPoseError, match=r"learning rate.*-1$"):
        build_optimizer({"type": "SGD", "lr": -1}, net(""))


@pytest.mark.filterwarnings("ignore:It is highly recommended to have 'opt_einsum'")
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_trains_with_its_defaults_and_resumes_exactly(name):
    cfg = {"type": name, **NEEDED.get(name, {})}
    model = net(name)
    optimizer = build_optimizer(cfg, model)
    origin = importlib.import_module(f"timm.optim.{TIMM[name]}") if name in TIMM else torch.optim
    assert type(optimizer) is getattr(origin, name)
    before = copy.deepcopy(model.state_dict())
    losses = train(model, optimizer, 3)
    assert losses[-1] < losses[0]
    assert all(not torch.equal(before[key], value) for key, value in model.named_parameters())
    buffer = io.BytesIO()
    torch.save([model.state_dict(), optimizer.state_dict()], buffer)
    buffer.seek(0)
    weights, state = torch.load(buffer, weights_only=True)

    again = net(name)
    again.load_state_dict(weights)
    resumed = build_optimizer(cfg, again)
    resumed.load_state_dict(state)
    assert train(again, resumed, 3) == train(model, optimizer, 3)


@pytest.mark.parametrize(
    "cfg",
    [
        {"type": "Lion", "caution": True},
        {"type": "AdamWLegacy", "caution": True},
        {"type": "NAdamW", "caution": True},
        {"type": "Adan", "betas": [0.98, 0.92, 0.99], "no_prox": True},
        {"type": "Lamb", "trust_clip": True, "decoupled_decay": True},
    ],
    ids=lambda cfg: cfg["type"],
)
def test_timms_variants_are_arguments(cfg):
    common = {"type": cfg["type"], "lr": 0.03, "weight_decay": 0.5}
    plain = train(model := net(""), build_optimizer(common, model), 12)
    varied = train(model := net(""), build_optimizer({**common, **cfg}, model), 12)
    assert varied[-1] < varied[0]
    assert varied != plain


def test_any_importable_optimizer_has_its_dotted_name():
    optimizer = build_optimizer({"type": "timm.optim.Muon", "lr": 0.01, "paramwise_cfg": {"bias_lr_mult": 2}}, net(""))
    assert type(optimizer).__module__ == "timm.optim.muon"
    assert sorted({group["lr"] for group in optimizer.param_groups}) == [0.01, 0.02]
    assert isinstance(build_optimizer({"type": "torch.optim.Adam"}, net("")), torch.optim.Adam)
    for name, text in (
        ("torch.optm.Adam", "optimizer 'torch.optm.Adam' cannot be imported: .* No module named 'torch.optm'"),
        ("torch.optim.Adm", "torch.optim has no 'Adm'; did you mean 'Adam'"),
        ("torch.nn.Linear", "'torch.nn.Linear' must be a subclass of torch.optim.Optimizer, but it is <class"),
        ("torch.optim.lr_scheduler", "must be a subclass of torch.optim.Optimizer"),
    ):
        with pytest.raises(RayPoseError, match=text):
            build_optimizer({"type": name, "lr": 0.01}, net(""))


def test_naming_timms_optimizers_imports_no_timm(monkeypatch):
    fresh = registry.Registry("optimizer")
    monkeypatch.setattr(registry, "OPTIMIZERS", fresh)
    for name in {"timm", *(each for each in sys.modules if each.startswith("timm."))}:
        monkeypatch.setitem(sys.modules, name, None)  # so that an import fails
    runpy.run_path(optimizers.__file__)
    assert set(fresh) == set(OPTIMIZERS)
    assert fresh.get("SGD") is torch.optim.SGD
    with pytest.raises(RayPoseError, match=r"optimizer 'Lamb' cannot be imported: ModuleNotFoundError: .*timm"):
        fresh.get("Lamb")


@pytest.mark.parametrize(
    ("cfg", "text"),
    [
        ({"type": "SGD", "lr": -0.1}, "SGD: Invalid learning rate: -0.1"),
        ({"type": "AdamW", "lr": 0.1, "betas": [0.9, 2]}, "AdamW: Invalid beta"),
        ({"type": "SGD", "lr": "fast"}, "SGD: "),
        ({"type": "SGD", "momentun": 0.9}, "did you mean 'momentum'"),
        ({"type": "SDG", "lr": 0.1}, "did you mean 'SGD'"),
        ({"type": "LBFGS"}, "optimizer 'LBFGS' evaluates the loss several times"),
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
