"""What a configuration costs agrees with the model that is built from it, and is counted by component."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from raypose.errors import RayPoseError
from raypose.models.builder import build_model
from raypose.models.footprint import peak
from raypose.models.footprint_model import footprints
from raypose.models.footprint_optimizer import needs
from raypose.optim import build_optimizer
from raypose.proof import Costs, prices, prove
from raypose.proof.constraints import met, unmet
from raypose.proof.workshop import Workshop
from raypose.registry import POSENETS
from raypose.space import Space
from raypose.space.suggest import from_partial

SIZE = (64, 96)
MODELS = {
    "heatmap": ({"type": "ResNet", "depth": 18}, {"type": "HeatmapHead", "num_deconv_filters": 16}),
    "simcc": ({"type": "CSPNeXt", "arch": "t"}, {"type": "RTMCCHead", "gau_cfg": {"hidden_dims": 32}}),
    "density": ({"type": "MobileNetV3"}, {"type": "DSNTHead", "num_deconv_filters": 8}),
    "flow": ({"type": "MobileNetV3"}, {"type": "RLEHead"}),
    "stages": (
        {"type": "HourglassNet", "num_stacks": 2, "feat_channel": 8, "stage_blocks": 1, "downsample_times": 2},
        {"type": "TopdownHeatmapMultiStageHead"},
    ),
}


def config(backbone, head, **more):
    data = {"train": {"type": "SyntheticPeople"}, "val": {"split": 0.2}, "input_size": list(SIZE)}
    model = {"backbone": backbone, "keypoint_head": head, **more.pop("model", {})}
    return {"data": data, "model": model, "optimizer": {"type": "AdamW", "lr": 1e-3}, **more}


@pytest.mark.parametrize("name", MODELS)
def test_cost_is_that_of_the_built_model(name):
    backbone, head = MODELS[name]
    cfg = config(backbone, head, training={"batch_size": 6, "ema": 0.9})
    cost = Costs()(cfg)
    model = build_model(cfg["model"], 17, SIZE)
    assert cost.params == sum(each.numel() for each in model.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, 3, SIZE[1], SIZE[0]))
    assert cost.flops == counter.get_total_flops() // 2
    kept, meanwhile = needs(build_optimizer(cfg["optimizer"], model))
    assert cost.memory == peak(footprints(model, SIZE), 6, kept, meanwhile, ema=True)


def test_a_neck_counts():
    backbone, head = {"type": "ResNet", "depth": 18, "out_indices": [0, 1]}, {"type": "HeatmapHead"}
    bare = Costs()(config(backbone, head))
    cfg = config(backbone, head, model={"neck": {"type": "FPN", "out_channels": 16}})
    cost, model = Costs()(cfg), build_model(cfg["model"], 17, SIZE)
    assert cost.params == sum(each.numel() for each in model.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, 3, SIZE[1], SIZE[0]))
    assert cost.flops == counter.get_total_flops() // 2 != bare.flops


def test_a_posenet_of_ones_own_is_counted_whole():
    class Refined(POSENETS.get("TopDown")):
        def __init__(self, **parts):
            super().__init__(**parts)
            self.refine = nn.Conv2d(17, 17, 3, padding=1)

        def forward(self, img):
            return self.refine(super().forward(img))

    POSENETS.register_module(module=Refined)
    try:
        backbone, head = MODELS["heatmap"]
        plain, refined = Costs()(config(backbone, head)), Costs()(config(backbone, head, model={"type": "Refined"}))
    finally:
        POSENETS.remove(lambda each: each is Refined)
    assert refined.params - plain.params == 17 * 17 * 9 + 17
    assert refined.flops - plain.flops == 17 * 17 * 9 * (SIZE[0] // 4) * (SIZE[1] // 4)
    assert refined.memory > plain.memory


def test_memory_grows_with_the_batch_the_optimizer_and_averaged_weights():
    backbone, head = MODELS["heatmap"]
    costs = Costs()

    def memory(optimizer, **training):
        return costs(config(backbone, head, training=training) | {"optimizer": optimizer}).memory

    sgd, adam = {"type": "SGD", "lr": 0.1}, {"type": "AdamW", "lr": 0.1}
    weights = 4 * costs(config(backbone, head)).params
    assert memory(sgd, batch_size=64) > 1.5 * memory(sgd, batch_size=8)
    momentum = memory({**sgd, "momentum": 0.9}, batch_size=8) - memory(sgd, batch_size=8)
    assert momentum == pytest.approx(weights, rel=0.05)
    assert memory(adam, batch_size=8) - memory(sgd, batch_size=8) == pytest.approx(2 * weights, rel=0.05)
    averaged = memory(sgd, batch_size=8, ema=0.9) - memory(sgd, batch_size=8)
    assert averaged == pytest.approx(weights, rel=0.05)


def test_another_rate_or_sigma_costs_milliseconds():
    backbone, head = MODELS["heatmap"]
    costs = Costs()

    def sampled(i):
        codec = {"type": "MSRAHeatmap", "sigma": 1 + i / 100}
        return config(backbone, {**head, "codec": codec}) | {"optimizer": {"type": "AdamW", "lr": 1e-3 * (i + 1)}}

    first = costs(sampled(0))
    started = time.process_time()
    assert all(costs(sampled(i)) == first for i in range(1, 11))
    assert (time.process_time() - started) / 10 < 0.25  # about 20 ms on an idle machine


def test_what_can_t_be_built_has_no_cost():
    with pytest.raises(RayPoseError, match="timm has no model 'nothing'"):
        Costs()(config({"type": "Timm", "model": "nothing"}, {"type": "HeatmapHead"}))


def test_every_combination_has_a_price():
    text = """
data: {train: {type: SyntheticPeople}, val: {split: 0.2}, input_size: {choice: [[64, 64], [64, 96]]}}
model:
  backbone: {type: ResNet, depth: {choice: [18, 34]}}
  keypoint_head: {type: HeatmapHead, codec: {type: MSRAHeatmap, sigma: {uniform: [1, 2]}}}
optimizer: {choice: [{type: SGD, lr: {uniform: [0.1, 0.2]}}, {type: AdamW}]}
training: {batch_size: {choice: [4, 16]}}
"""
    space = Space.parse(text)
    found = prices(space, prove(space))
    assert len(found) == 4  # sigma costs nothing
    costs = Costs()
    for price in found:
        cfg = space.sample(from_partial(price.row))
        for size in (4, 16):
            heaviest = {**cfg, "optimizer": {"type": "AdamW"}, "training": {"batch_size": size}}
            cost = costs(heaviest)
            assert (price.params, price.flops, price.memory[size]) == (cost.params, cost.flops, cost.memory)


class TestWorkshop:
    def test_makes_once_and_fails_each_time(self):
        made = []
        shop = Workshop()

        def make():
            made.append(1)
            raise RayPoseError("no")

        for _ in range(2):
            with pytest.raises(RayPoseError, match="no"):
                shop.once("backbone", ("a",), make)
        assert len(made) == 1

    def test_makes_on_meta(self):
        shop = Workshop()
        assert shop.once("backbone", ("a",), lambda: nn.Linear(10**6, 10**6)).weight.is_meta

    def test_keeps_no_more_than_it_was_told(self):
        made = []
        shop = Workshop(most=2)
        for key in ("a", "b", "c", "c", "a"):
            shop.once("backbone", (key,), lambda key=key: made.append(key))
        assert made == ["a", "b", "c", "a"]


def test_combinations_that_meet_constraints_are_counted():
    text = """
data: {train: {type: SyntheticPeople}, val: {split: 0.2}, input_size: [64, 64]}
model: {backbone: {type: ResNet, depth: {choice: [18, 34, 50]}}, keypoint_head: {type: HeatmapHead}}
optimizer: {type: AdamW}
training: {batch_size: {choice: [4, 256]}}
tune: {constraints: [params <= 30e6, memory <= 500e6, flops > 1e15]}
"""
    space = Space.parse(text, "s.yaml")
    found = prices(space, prove(space))
    small = sum(min(price.memory.values()) <= 500e6 for price in found)
    assert 0 < small < 3
    assert met(space, found) == {"params <= 30e6": 2, "memory <= 500e6": small, "flops > 1e15": 0}
    (problem,) = unmet(space, found)
    assert str(problem).startswith(
        "s.yaml:6:55: warning: no combination of options meets 'flops > 1e15': the nearest has"
    )
