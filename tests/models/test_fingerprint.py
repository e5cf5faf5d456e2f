"""The fingerprint of what was built: the same for equal configurations, another for any other model or optimizer."""

import json

import pytest
import torch
from torch import nn

from raypose.models.builder import build_model
from raypose.models.fingerprint import fingerprint
from raypose.optim import build_optimizer

MODEL = {"backbone": {"type": "ResNet", "depth": 18}, "keypoint_head": {"type": "HeatmapHead"}}
SGD = {"type": "SGD", "lr": 0.1, "momentum": 0.9}


def build(model=MODEL, optimizer=SGD, keypoints=4, seed=0):
    torch.manual_seed(seed)
    built = build_model(model, keypoints, (64, 64), init_weights=False)
    return fingerprint(built, build_optimizer(optimizer, built))


@pytest.fixture(scope="module")
def usual():
    return build()


def test_a_seed_makes_no_difference_and_it_is_plain(usual):
    assert build(seed=1) == usual
    assert json.loads(json.dumps(usual)) == usual
    assert usual["groups"] == [{"parameters": usual["groups"][0]["parameters"], "lr": 0.1, "weight_decay": 0}]
    assert 11e6 < usual["parameters"] < 20e6


@pytest.mark.parametrize(
    ("model", "keypoints"),
    [
        ({**MODEL, "backbone": {"type": "ResNet", "depth": 34}}, 4),
        ({**MODEL, "keypoint_head": {"type": "HeatmapHead", "num_deconv_layers": 2}}, 4),
        (MODEL, 5),
    ],
)
def test_another_model(usual, model, keypoints):
    other = build(model=model, keypoints=keypoints)
    assert other["model"] != usual["model"]


@pytest.mark.parametrize(
    "optimizer",
    [
        {**SGD, "lr": 0.2},
        {**SGD, "weight_decay": 0.1},
        {**SGD, "paramwise_cfg": {"custom_keys": {"keypoint_head": {"lr_mult": 10}}}},
        {"type": "AdamW", "lr": 0.1},
    ],
)
def test_another_optimizer(usual, optimizer):
    other = build(optimizer=optimizer)
    assert (other["model"], other["optimizer"] == usual["optimizer"]) == (usual["model"], False)


def test_what_is_not_trained_counts():
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = fingerprint(model, optimizer)
    model.bias.requires_grad_(False)
    assert fingerprint(model, optimizer)["model"] != before["model"]


def test_settings_of_torchs_own_modules_count_and_addresses_do_not():
    class Odd(nn.Module):
        def extra_repr(self):
            return repr(object())

    def of(*modules):
        model = nn.Sequential(*modules, nn.Linear(2, 2))
        return fingerprint(model, torch.optim.SGD(model.parameters(), lr=0.1))["model"]

    assert of(nn.Dropout(0.1)) != of(nn.Dropout(0.2))
    assert of(Odd()) == of(Odd())
    assert of(Odd()) != of(nn.Identity())


def test_odd_optimizers():
    model = nn.Linear(2, 2)

    class Bare:
        pass

    assert fingerprint(model, Bare())["groups"] == []
    optimizer = torch.optim.SGD(model.parameters(), lr=torch.tensor(0.5))
    assert fingerprint(model, optimizer)["groups"] == [{"parameters": 2, "lr": 0.5, "weight_decay": 0}]
