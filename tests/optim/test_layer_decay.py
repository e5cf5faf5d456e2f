from __future__ import annotations

import pytest
import torch
from torch import nn

from raypose.errors import RayPoseError
from raypose.optim import build_optimizer
from raypose.optim.depths import depths_by_children
from raypose.registry import OPTIMIZER_BUILDERS

LAYER_DECAY = "LayerDecayOptimizerConstructor"


class Model(nn.Module):
    def __init__(self, backbone, head=None):
        super().__init__()
        self.backbone = backbone
        self.keypoint_head = head or nn.Conv2d(2, 2, 1, groups=2)


class ToyBEiT(nn.Module):
    """That of MMPose's own test of layer decay."""

    def __init__(self, layers=3):
        super().__init__()
        self.cls_token = nn.Parameter(torch.ones(1))
        self.patch_embed = nn.Parameter(torch.ones(1, 1))
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(layers))


class Staged(nn.Module):
    """A stem, four stages of two blocks and nothing after them, which says its depths itself."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(nn.ModuleList(nn.Conv2d(2, 2, 1) for _ in range(2)) for _ in range(4))
        self.stem = nn.Conv2d(3, 2, 1)

    def layer_depths(self, stage_wise):
        depths = {}
        for name, _ in self.named_parameters():
            parts = name.split(".")
            if parts[0] == "stem":
                depths[name] = 0
            else:
                depths[name] = int(parts[1]) + 1 if stage_wise else 2 * int(parts[1]) + int(parts[2]) + 1
        return depths


def settings(model, paramwise, constructor=LAYER_DECAY, **cfg):
    cfg = {"type": "AdamW", "lr": 1.0, "weight_decay": 0.05, **cfg}
    optimizer = build_optimizer({**cfg, "constructor": constructor, "paramwise_cfg": paramwise}, model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}


@pytest.mark.parametrize("constructor", [LAYER_DECAY, "LearningRateDecayOptimizerConstructor"])
@pytest.mark.parametrize("key", ["decay_rate", "layer_decay_rate"])
def test_rates_of_mmposes_own_test(constructor, key):
    """Its factors, 16, 8, 4, 2 and 1 for a rate of 2 and three layers, with 1/2 for the rate."""
    found = settings(Model(ToyBEiT()), {key: 0.5, "num_layers": 3}, constructor)
    assert found == {
        "backbone.cls_token": (1 / 16, 0),
        "backbone.patch_embed": (1 / 16, 0.05),
        "backbone.layers.0.weight": (1 / 8, 0.05),
        "backbone.layers.0.bias": (1 / 8, 0),
        "backbone.layers.1.weight": (1 / 4, 0.05),
        "backbone.layers.1.bias": (1 / 4, 0),
        "backbone.layers.2.weight": (1 / 2, 0.05),
        "backbone.layers.2.bias": (1 / 2, 0),
        "keypoint_head.weight": (1, 0.05),
        "keypoint_head.bias": (1, 0),
    }


def test_a_vit_against_timms_groups():
    from timm.models.vision_transformer import VisionTransformer
    from timm.optim import param_groups_layer_decay

    with torch.device("meta"):
        vit = VisionTransformer(32, 16, embed_dim=8, depth=4, num_heads=2, num_classes=3)
    theirs = {}
    for group in param_groups_layer_decay(vit, 0.05, no_weight_decay_list=["pos_embed"], layer_decay=0.7):
        theirs.update({id(p): (pytest.approx(group["lr_scale"]), group["weight_decay"]) for p in group["params"]})
    head, vit.head = vit.head, nn.Identity()
    for params in ({"decay_rate": 0.7}, {"decay_rate": 0.7, "num_layers": 4}):
        model = Model(vit, head)
        ours = settings(model, params)
        assert len(ours) == len(theirs)
        assert {id(p): ours[name] for name, p in model.named_parameters()} == theirs


@pytest.mark.parametrize(("decay_type", "last"), [("layer_wise", 8), ("stage_wise", 4)])
def test_what_the_backbone_says_of_its_depths(decay_type, last):
    backbone = Staged()
    depths = backbone.layer_depths(decay_type == "stage_wise")
    found = settings(Model(backbone), {"decay_rate": 0.9, "decay_type": decay_type, "num_layers": last})
    for name, depth in depths.items():
        assert found[f"backbone.{name}"][0] == pytest.approx(0.9 ** (last + 1 - depth))
    assert found["keypoint_head.weight"] == (1, 0.05)


def test_a_final_norm_that_is_counted_as_a_layer_is_as_deep_as_the_head():
    staged = Staged()
    staged.norm = nn.LayerNorm(2)
    depths = {**Staged().layer_depths(True), "norm.weight": 5, "norm.bias": 5}
    staged.layer_depths = lambda stage_wise: depths
    found = settings(Model(staged), {"decay_rate": 0.5, "decay_type": "stage_wise", "num_layers": 4})
    assert found["backbone.norm.weight"] == (1, 0)
    assert found["backbone.stages.3.0.weight"] == (1 / 2, 0.05)


def blocks(count):
    return [nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)) for _ in range(count)]


def backbone(**children):
    made = nn.Module()
    for name, child in children.items():
        made.add_module(name, child)
    return made


RESNET = {"conv1": nn.Conv2d(3, 2, 1), "bn1": nn.BatchNorm2d(2), "relu": nn.ReLU()}
RESNET |= {"layer1": nn.Sequential(*blocks(2)), "layer2": nn.Sequential(*blocks(1))}
VIT = {"patch_embed": nn.Conv2d(3, 2, 1), "blocks": nn.ModuleList(blocks(2)), "norm": nn.LayerNorm(2)}


@pytest.mark.parametrize(
    ("children", "stage_wise", "expected"),
    [
        (RESNET, False, {"conv1": 0, "bn1": 0, "layer1.0": 1, "layer1.1": 2, "layer2.0": 3}),
        (RESNET, True, {"conv1": 0, "bn1": 0, "layer1": 1, "layer2": 2}),
        (VIT, False, {"patch_embed": 0, "blocks.0": 1, "blocks.1": 2, "norm": 2}),
        (VIT, True, {"patch_embed": 0, "blocks": 1, "norm": 1}),
        ({"features": nn.Sequential(*blocks(3))}, False, {"features.0": 0, "features.1": 1, "features.2": 2}),
        ({"features": nn.Sequential(*blocks(1)[0], *blocks(1)[0])}, False, {"features.0": 0, "features.1": 0, "f": 1}),
        ({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)}, False, {"a": 0, "b": 1}),
    ],
)
def test_depths_by_the_order_of_the_children(children, stage_wise, expected):
    found = depths_by_children(backbone(**children), stage_wise)
    for name, depth in found.items():
        assert depth == next(expected[key] for key in expected if name.startswith(key)), name


def test_a_backbones_own_parameters_are_its_stem():
    vit = backbone(**VIT)
    vit.pos_embed = nn.Parameter(torch.zeros(1, 4, 2))
    assert depths_by_children(vit, False)["pos_embed"] == depths_by_children(vit, False)["patch_embed.weight"] == 0
    found = settings(Model(vit), {"decay_rate": 0.5, "num_layers": 2})
    assert found["backbone.pos_embed"] == (1 / 8, 0)
    assert found["backbone.blocks.1.0.weight"] == (1 / 2, 0.05)


def test_everything_else_multiplies_on_top():
    rules = {
        "decay_rate": 0.5,
        "custom_keys": {"layers.1": {"lr_mult": 3, "decay_mult": 2}, "keypoint_head": {"lr_mult": 10}},
        "bias_lr_mult": 7,
    }
    found = settings(Model(ToyBEiT()), rules)
    assert found["backbone.layers.1.weight"] == (3 / 4, 0.1)
    assert found["backbone.layers.1.bias"] == (3 / 4, 0)
    assert found["backbone.layers.0.bias"] == (7 / 8, 0)
    assert found["keypoint_head.weight"] == (10, 0.05)
    assert settings(Model(ToyBEiT()), {"decay_rate": 0.5, "dwconv_decay_mult": 4})["keypoint_head.weight"] == (1, 0.2)


def test_a_rate_of_1_changes_no_rate_and_swins_tables_have_no_decay():
    model = Model(ToyBEiT())
    model.backbone.layers[0].relative_position_bias_table = nn.Parameter(torch.zeros(3, 2))
    found = settings(model, {"decay_rate": 1})
    assert {lr for lr, _ in found.values()} == {1}
    assert found["backbone.layers.0.relative_position_bias_table"] == (1, 0)


def test_an_optimizer_without_weight_decay():
    found = settings(Model(ToyBEiT()), {"decay_rate": 0.5}, type="Adam", weight_decay=0)
    assert {decay for _, decay in found.values()} == {0}
    optimizer = build_optimizer(
        {"type": "SGD", "lr": 1.0, "constructor": LAYER_DECAY, "paramwise_cfg": {"decay_rate": 0.5}}, Model(ToyBEiT())
    )
    assert sorted({group["lr"] for group in optimizer.param_groups}) == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]


def test_frozen_and_shared_parameters():
    model = Model(ToyBEiT())
    model.backbone.layers[0].requires_grad_(False)
    model.keypoint_head.tied = model.backbone.layers[1]
    found = settings(model, {"decay_rate": 0.5})
    assert not any(name.startswith("backbone.layers.0") for name in found)
    assert found["backbone.layers.1.weight"] == (1 / 4, 0.05)


def test_in_a_part_of_a_cocktail():
    model = Model(ToyBEiT())
    part = {"type": "AdamW", "lr": 1.0, "weight_decay": 0.05, "constructor": LAYER_DECAY}
    cfg = {
        "constructor": "CocktailOptimizerConstructor",
        "backbone": {**part, "paramwise_cfg": {"decay_rate": 0.5}},
        "keypoint_head": {"type": "SGD", "lr": 3.0},
    }
    optimizer = build_optimizer(cfg, model)
    assert sorted({group["lr"] for group in optimizer.param_groups}) == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 3]
    with pytest.raises(RayPoseError, match="backbone: layer decay needs one decay_rate"):
        build_optimizer({**cfg, "backbone": part}, model)

    @OPTIMIZER_BUILDERS.register_module()
    class Apart:
        def __init__(self, optimizer_cfg, paramwise_cfg=None): ...

    try:
        with pytest.raises(RayPoseError, match="backbone: 'Apart' cannot build a part of a cocktail"):
            build_optimizer({**cfg, "backbone": {"type": "SGD", "constructor": "Apart"}}, model)
    finally:
        OPTIMIZER_BUILDERS.remove(lambda component: component is Apart)


@pytest.mark.parametrize(
    ("paramwise", "text"),
    [
        (None, "layer decay needs one decay_rate; for example"),
        ({"decay_rate": 0.5, "layer_decay_rate": 0.5}, "layer decay needs one decay_rate"),
        ({"decay_rate": 0}, "0 < decay_rate <= 1 must hold, but got 0"),
        ({"layer_decay_rate": 2}, "0 < decay_rate <= 1 must hold, but got 2"),
        ({"decay_rate": "0.5"}, "0 < decay_rate <= 1 must hold, but got '0.5'"),
        ({"decay_rate": 0.5, "decay_type": "stagewise"}, "must be layer_wise or stage_wise, but got 'stagewise'"),
        ({"decay_rate": 0.5, "num_layers": 12}, "num_layers is 12, but ToyBEiT has 3; leave it out"),
        ({"decay_rate": 0.5, "num_layers": "3"}, "num_layers must be an integer"),
        ({"decay_rat": 0.5}, "no key 'decay_rat'; did you mean 'decay_rate'"),
        ({"decay_rate": 0.5, "custom_keys": {"norm": {"decay_mult": 0}}}, "no parameter's name contains 'norm'"),
        ({"decay_rate": 0.5, "custom_keys": {"bias": {"decay_multi": 0}}}, "did you mean 'decay_mult'"),
    ],
)
def test_mistakes_in_layer_decay(paramwise, text):
    with pytest.raises(RayPoseError, match=text):
        settings(Model(ToyBEiT()), paramwise)


def test_a_model_that_does_not_fit():
    with pytest.raises(RayPoseError, match="needs a model with a backbone"):
        settings(nn.Linear(2, 2), {"decay_rate": 0.5})
    staged = Staged()
    staged.more = nn.Linear(2, 2)
    staged.layer_depths = lambda stage_wise: {"stem.weight": 0}
    with pytest.raises(RayPoseError, match=r"layer_depths of Staged lacks stages\.0\.0\.weight"):
        settings(Model(staged), {"decay_rate": 0.5})
