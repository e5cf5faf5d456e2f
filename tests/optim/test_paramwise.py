"""The rules of `paramwise_cfg` against mmcv 1.x's, written again as the walk over modules that mmcv makes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import DeformConv2d

from raypose.errors import RayPoseError
from raypose.optim import build_optimizer
from raypose.optim.entries import entries
from raypose.optim.paramwise import Paramwise


class DeformConv2dPack(DeformConv2d):
    """As mmcv's: the convolution has its offset layer in it, and one that is none."""

    def __init__(self, channels):
        super().__init__(channels, channels, 3)
        self.conv_offset = nn.Conv2d(channels, 18, 3)
        self.conv_mask = nn.Conv2d(channels, 9, 3)


class Beside(nn.Module):
    """The offset layer next to the convolution, as torchvision's wants it."""

    def __init__(self, channels):
        super().__init__()
        self.conv_offset = nn.Conv2d(channels, 18, 3)
        self.deform = DeformConv2d(channels, channels, 3)
        self.norm = nn.GroupNorm(1, channels)


class Net(nn.Module):
    def __init__(self, shared=False):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, groups=4), DeformConv2dPack(4), Beside(4)
        )
        self.conv_offset = nn.Conv2d(4, 4, 1)  # of nothing deformable
        self.scale = nn.Parameter(torch.ones(4))
        self.norm = nn.InstanceNorm2d(4, affine=True)
        self.head = nn.Linear(4, 2)
        self.tied = self.head if shared else nn.LayerNorm(2)


def mmcv(model, rules, lr, decay):
    """{name: (lr, weight decay)}; a shared parameter keeps the settings of its first name."""
    found, seen = {}, set()

    def walk(module, prefix="", in_dcn=False):
        is_norm = isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm))
        is_depthwise = isinstance(module, nn.Conv2d) and module.in_channels == module.groups
        for name, parameter in module.named_parameters(recurse=False):
            full = f"{prefix}.{name}" if prefix else name
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            keys = sorted(sorted(rules.get("custom_keys", {})), key=len, reverse=True)
            custom = next((key for key in keys if key in full), None)
            this_lr, this_decay = lr, decay
            if custom is not None:
                this_lr = lr * rules["custom_keys"][custom].get("lr_mult", 1)
                this_decay = decay * rules["custom_keys"][custom].get("decay_mult", 1)
            else:
                if name == "bias" and not (is_norm or in_dcn):
                    this_lr = lr * rules.get("bias_lr_mult", 1)
                if "conv_offset" in prefix and in_dcn and isinstance(module, nn.Conv2d):
                    this_lr = lr * rules.get("dcn_offset_lr_mult", 1)
                if is_norm:
                    this_decay = decay * rules.get("norm_decay_mult", 1)
                elif is_depthwise:
                    this_decay = decay * rules.get("dwconv_decay_mult", 1)
                elif name == "bias" and not in_dcn:
                    this_decay = decay * rules.get("bias_decay_mult", 1)
            found[full] = (pytest.approx(this_lr), pytest.approx(this_decay))
        for name, child in module.named_children():
            # next to a deformable convolution only the offset layer counts
            beside = name == "conv_offset" and any(isinstance(each, DeformConv2d) for each in module.children())
            walk(child, f"{prefix}.{name}" if prefix else name, isinstance(module, DeformConv2d) or beside)

    walk(model)
    return found


def ours(model, rules):
    optimizer = build_optimizer({"type": "SGD", "lr": 0.5, "weight_decay": 0.1, "paramwise_cfg": rules}, model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}


MULTS = {
    "bias_lr_mult": 2,
    "bias_decay_mult": 3,
    "norm_decay_mult": 5,
    "dwconv_decay_mult": 7,
    "dcn_offset_lr_mult": 11,
}
KEYS = {"backbone.3": {"lr_mult": 13}, "conv_offset": {"decay_mult": 0}, "bias": {}, "head.": {"lr_mult": 17}}


@pytest.mark.parametrize(
    "rules",
    [
        *({key: mult} for key, mult in MULTS.items()),
        *({each: mult for each, mult in MULTS.items() if each != key} for key in MULTS),
        MULTS,
        {**MULTS, "custom_keys": KEYS},
        {"custom_keys": KEYS},
    ],
    ids=lambda rules: "+".join(key.removesuffix("_mult") for key in rules),
)
@pytest.mark.parametrize("shared", [False, True])
def test_rules_against_mmcvs(rules, shared):
    model = Net(shared)
    assert ours(model, {**rules, "bypass_duplicate": True}) == mmcv(model, rules, 0.5, 0.1)


def test_the_net_has_all_cases():
    """Of each multiplier some parameter has it, and no two parts of the offset rule fall together."""
    found = ours(Net(), MULTS)
    assert found["backbone.3.conv_offset.bias"] == found["backbone.4.conv_offset.bias"] == (5.5, 0.1)
    assert found["backbone.3.conv_mask.bias"] == (0.5, 0.1)
    assert found["conv_offset.bias"] == (1.0, pytest.approx(0.3))
    assert found["backbone.3.bias"] == found["backbone.4.deform.bias"] == (1.0, pytest.approx(0.3))
    assert found["backbone.2.bias"] == (1.0, pytest.approx(0.7))


@pytest.mark.parametrize(
    ("rules", "flat"),
    [
        ({}, {"scale", "head.bias", "norm.weight", "norm.bias", "backbone.2.bias", "backbone.3.bias"}),
        ({"bias_decay_mult": 1}, {"scale", "norm.weight", "norm.bias", "backbone.2.bias"}),
        ({"norm_decay_mult": 1}, {"scale", "head.bias", "backbone.2.bias", "backbone.3.bias"}),
        ({"dwconv_decay_mult": 1}, {"scale", "head.bias", "norm.weight", "norm.bias", "backbone.3.bias"}),
        ({"custom_keys": {"norm": {}}}, {"scale", "head.bias", "backbone.2.bias", "backbone.3.bias"}),
    ],
)
def test_the_rule_of_1d_parameters_comes_last(rules, flat):
    asked = {"scale", "head.bias", "norm.weight", "norm.bias", "backbone.2.bias", "backbone.3.bias", "head.weight"}
    found = ours(Net(), {**rules, "flat_decay_mult": 0})
    assert {name for name in asked if found[name][1] == 0} == flat
    assert found["backbone.3.conv_offset.bias"][1] == 0.1  # an offset layer is left alone


def test_unknown_keys_name_the_nearest_one():
    with pytest.raises(RayPoseError, match="no key 'dcn_offset_lr'; did you mean 'dcn_offset_lr_mult'"):
        Paramwise.read({"dcn_offset_lr": 0.1})


def test_entries_say_where_a_parameter_is():
    model = Net(shared=True)
    found = {each.name: each for each in entries(model)}
    offset = found["backbone.4.conv_offset.weight"]
    assert (offset.owner, offset.parent) == ("backbone.4.conv_offset", model.backbone[4])
    assert found["scale"].parent is None
    assert found["tied.weight"].parameter is found["head.weight"].parameter
