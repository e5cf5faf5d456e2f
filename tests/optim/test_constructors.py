from __future__ import annotations

import pytest
import torch
from torch import nn

from raypose.errors import RayPoseError
from raypose.optim import build_optimizer
from raypose.registry import OPTIMIZER_BUILDERS, OPTIMIZERS


class Net(nn.Module):
    """A convolution, a norm and a depth-wise convolution in the backbone, a linear layer and a norm in the head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.conv = nn.Conv2d(3, 4, 1)
        self.backbone.bn = nn.BatchNorm2d(4)
        self.backbone.dw = nn.Conv2d(4, 4, 3, groups=4)
        self.keypoint_head = nn.Module()
        self.keypoint_head.final_layer = nn.Linear(4, 2)
        self.keypoint_head.norm = nn.LayerNorm(2)


def settings(model, optimizer):
    """{name: (lr, weight_decay)} of every parameter in the optimizer, each once."""
    names = {id(p): name for name, p in model.named_parameters()}
    found = {}
    for group in optimizer.param_groups:
        for p in group["params"]:
            assert names[id(p)] not in found
            found[names[id(p)]] = (pytest.approx(group["lr"]), pytest.approx(group.get("weight_decay")))
    return found


def build(model, paramwise=None, **cfg):
    return build_optimizer({"type": "SGD", "lr": 1.0, "weight_decay": 0.1, "paramwise_cfg": paramwise, **cfg}, model)


def test_no_paramwise_is_one_group():
    model = Net()
    optimizer = build(model)
    assert len(optimizer.param_groups) == 1
    assert set(settings(model, optimizer)) == {name for name, _ in model.named_parameters()}


def test_rules_against_mmcvs_by_hand():
    model = Net()
    rules = {"bias_lr_mult": 2, "bias_decay_mult": 3, "norm_decay_mult": 5, "dwconv_decay_mult": 7}
    optimizer = build(model, rules)
    assert settings(model, optimizer) == {
        "backbone.conv.weight": (1, 0.1),
        "backbone.conv.bias": (2, 0.3),
        "backbone.bn.weight": (1, 0.5),
        "backbone.bn.bias": (1, 0.5),  # the bias rules leave norm layers alone
        "backbone.dw.weight": (1, 0.7),
        "backbone.dw.bias": (2, 0.7),  # depth-wise before bias
        "keypoint_head.final_layer.weight": (1, 0.1),
        "keypoint_head.final_layer.bias": (2, 0.3),
        "keypoint_head.norm.weight": (1, 0.5),
        "keypoint_head.norm.bias": (1, 0.5),
    }
    assert len(optimizer.param_groups) == 5  # equal multipliers share a group


def test_the_longest_custom_key_wins_then_the_alphabet_and_overrides_the_rest():
    model = Net()
    keys = {
        "backbone": {"lr_mult": 0.1},
        "backbone.bn": {"decay_mult": 0},
        "dw.w": {"lr_mult": 4},  # shorter than "backbone"
        "final_layer": {"lr_mult": 5, "decay_mult": 2},  # 11 letters, before ...
        "layer.bias": {"lr_mult": 6},
        "head.final_": {"lr_mult": 7},  # ... 11 letters too, later in the alphabet
    }
    found = settings(model, build(model, {"custom_keys": keys, "bias_lr_mult": 2, "norm_decay_mult": 5}))
    assert found["backbone.conv.bias"] == (0.1, 0.1)
    assert found["backbone.bn.bias"] == (1, 0)
    assert found["backbone.dw.weight"] == (0.1, 0.1)
    assert found["keypoint_head.final_layer.bias"] == (5, 0.2)
    assert found["keypoint_head.norm.bias"] == (1, 0.5)


def test_groups_come_in_the_order_of_the_model_every_time():
    orders = []
    for _ in range(2):
        model = Net()
        names = {id(p): name for name, p in model.named_parameters()}
        optimizer = build(model, {"custom_keys": {"keypoint_head": {"lr_mult": 2}, "bn": {"lr_mult": 3}}})
        orders.append([[names[id(p)] for p in group["params"]] for group in optimizer.param_groups])
    assert orders[0] == orders[1]
    assert [group[0] for group in orders[0]] == [
        "backbone.conv.weight",
        "backbone.bn.weight",
        "keypoint_head.final_layer.weight",
    ]


def test_an_optimizer_may_change_what_it_is_given():
    @OPTIMIZERS.register_module()
    class Boosted(torch.optim.SGD):
        def __init__(self, params, lr=0.1, weight_decay=0.1, boost=2.0):
            super().__init__(params, lr=lr * boost, weight_decay=weight_decay * boost)

    try:
        cfg = {"type": "Boosted", "lr": 0.5, "weight_decay": 0.01}
        model = Net()
        found = settings(model, build_optimizer(cfg, model))
        assert all(each == (1.0, 0.02) for each in found.values())
        found = settings(model, build_optimizer({**cfg, "paramwise_cfg": {"norm_decay_mult": 0}}, model))
        assert found["backbone.bn.weight"] == (1.0, 0)
        assert found["backbone.conv.weight"] == (1.0, 0.02)
    finally:
        OPTIMIZERS.remove(lambda component: component is Boosted)


def test_frozen_parameters_are_left_out():
    model = Net()
    model.backbone.requires_grad_(False)
    found = settings(model, build(model, {"custom_keys": {"backbone": {"lr_mult": 0.1}}}))
    assert all(name.startswith("keypoint_head") for name in found)
    assert len(found) == 4


def test_an_optimizers_own_decay_is_multiplied_and_one_without_is_an_error():
    model = Net()
    adamw = build_optimizer({"type": "AdamW", "lr": 1e-3, "paramwise_cfg": {"norm_decay_mult": 0}}, model)
    assert settings(model, adamw)["backbone.bn.weight"] == (1e-3, 0)
    assert settings(model, adamw)["backbone.conv.weight"] == (1e-3, 0.01)
    for rules in ({"norm_decay_mult": 0}, {"bias_decay_mult": 0}, {"custom_keys": {"bn": {"decay_mult": 0}}}):
        with pytest.raises(RayPoseError, match="explicit weight_decay"):
            build_optimizer({"type": "SGD", "lr": 0.1, "paramwise_cfg": rules}, model)
    searched = build_optimizer({"type": "SGD", "lr": 0.1, "weight_decay": 0, "paramwise_cfg": rules}, model)
    assert {group["weight_decay"] for group in searched.param_groups} == {0}


def test_rates_are_multiplied_where_the_user_gave_none():
    model = Net()
    found = settings(model, build_optimizer({"type": "Adam", "paramwise_cfg": {"bias_lr_mult": 2}}, model))
    assert found["backbone.conv.bias"][0] == 2e-3


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"norm_decay": 0}, "paramwise_cfg has no key 'norm_decay'; did you mean 'norm_decay_mult'"),
        ({"custom_keys": {"bn": {"lr": 0}}}, r"custom_keys\['bn'\] has no key 'lr'"),
        ({"custom_keys": {"backbome": {"lr_mult": 0.1}}}, "no parameter's name contains 'backbome'"),
        ({"custom_keys": ["bn"]}, "custom_keys is a mapping"),
        ({"custom_keys": {"bn": 0.1}}, r"custom_keys\['bn'\] is a mapping"),
        ({"bias_lr_mult": -1}, "bias_lr_mult >= 0 must hold, but got -1"),
        ({"bias_lr_mult": "2"}, "bias_lr_mult >= 0 must hold, but got '2'"),
        ([1], "paramwise_cfg is a mapping"),
    ],
)
def test_mistakes_in_paramwise_cfg(rules, text):
    with pytest.raises(RayPoseError, match=text):
        build(Net(), rules)


def test_all_mistakes_come_at_once():
    with pytest.raises(RayPoseError) as caught:
        build(Net(), {"nrm_decay_mult": 0, "bias_lr_mult": -1})
    assert len(caught.value.problems) == 2


def test_a_shared_parameter_with_two_settings_needs_bypass_duplicate():
    model = Net()
    model.keypoint_head.tied = model.backbone.conv
    rules = {"custom_keys": {"tied": {"lr_mult": 3}}}
    with pytest.raises(RayPoseError, match=r"'backbone.conv.weight' and 'keypoint_head.tied.weight' are one"):
        build(model, rules)
    found = settings(model, build(model, {**rules, "bypass_duplicate": True}))
    assert found["backbone.conv.weight"] == (1, 0.1)
    assert len(settings(model, build(model))) == 10  # with equal settings it is no matter


def test_a_constructor_from_the_tutorial():
    class MyOptimizerConstructor:
        def __init__(self, optimizer_cfg, paramwise_cfg=None):
            self.optimizer_cfg, self.paramwise_cfg = optimizer_cfg, paramwise_cfg

        def __call__(self, model):
            return torch.optim.SGD(model.parameters(), lr=self.optimizer_cfg["lr"] * self.paramwise_cfg["times"])

    class Forgetful(MyOptimizerConstructor):
        def __call__(self, model):
            super().__call__(model)

    OPTIMIZER_BUILDERS.register_module(module=MyOptimizerConstructor)
    OPTIMIZER_BUILDERS.register_module(module=Forgetful)
    try:
        cfg = {"constructor": "MyOptimizerConstructor", "lr": 0.5, "paramwise_cfg": {"times": 3}}
        assert build_optimizer(cfg, Net()).param_groups[0]["lr"] == 1.5
        with pytest.raises(RayPoseError, match="must return an Optimizer"):
            build_optimizer({**cfg, "constructor": "Forgetful"}, Net())
    finally:
        OPTIMIZER_BUILDERS.remove(lambda component: component in (MyOptimizerConstructor, Forgetful))
    with pytest.raises(RayPoseError, match="unknown optimizer constructor 'MyOptimizerConstructor'"):
        build_optimizer(cfg, Net())


def test_building_leaves_the_configuration_alone():
    cfg = {"type": "SGD", "lr": 1.0, "paramwise_cfg": {"bias_lr_mult": 2}, "constructor": "DefaultOptimizerConstructor"}
    build_optimizer(cfg, Net())
    assert set(cfg) == {"type", "lr", "paramwise_cfg", "constructor"}
