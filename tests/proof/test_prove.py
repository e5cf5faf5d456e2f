"""The structural check: what only building finds, named by the options to blame."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from raypose.kinds import KINDS
from raypose.proof import prove
from raypose.registry import BACKBONES, CODECS, HEADS, LOSSES, OPTIMIZER_BUILDERS
from raypose.space import Space

SPACE = """\
data:
  train: {type: SyntheticPeople}
  val: {type: SyntheticPeople, split: val}
  input_size: [64, 64]
model:
  backbone: {type: ResNet, depth: 18}
  keypoint_head: {type: HeatmapHead, num_deconv_filters: 8}
optimizer: {type: AdamW, lr: 1e-3}
"""
HERE = min(__file__, os.path.relpath(__file__), key=len)
RAISES = next(
    i
    for i, line in enumerate(Path(__file__).read_text().splitlines(), 1)
    if line.strip().startswith("raise ValueError(")
)
BACKBONE, HEAD, OPTIMIZER = (line.strip() for line in SPACE.splitlines()[5:8])
built: Counter[str] = Counter()


class Counted(nn.Module):
    def __init__(self, width: int = 4, stride: int = 4) -> None:
        super().__init__()
        built[f"{type(self).__name__} {width} {stride}"] += 1
        self.conv = nn.Conv2d(3, width, 3, stride=stride, padding=1)

    def forward(self, x):
        return (self.conv(x),)


class LooksAtValues(Counted):
    def forward(self, x):
        return (self.conv(x) * (1 if x.mean().item() == 0 else 2),)


class LooksAtValuesWhenBuilt(Counted):
    def __init__(self) -> None:
        super().__init__()
        self.scale = self.conv.weight.abs().max().item()


class OnlyWide(nn.Module):
    """A head that takes maps of at least 16x16."""

    output = "heatmap"

    def __init__(self, in_channels, num_keypoints) -> None:
        super().__init__()
        built[f"OnlyWide {in_channels}"] += 1
        self.final_layer = nn.Conv2d(in_channels, num_keypoints, 1)

    def forward(self, x):
        if x.shape[-1] < 16:
            raise ValueError(f"the map is too small: {x.shape[-1]}")
        return self.final_layer(x)


class FixedSize:
    """A codec whose targets have a size of its own."""

    output = "heatmap"

    def encode(self, keypoints, visible, output_shape):
        return keypoints.new_zeros(*visible.shape, 5, 5), visible.unsqueeze(-1)

    def decode(self, output):
        return output.flatten(2)[..., :2], output.flatten(2).amax(-1)


class InNumpy(FixedSize):
    def encode(self, keypoints, visible, output_shape):
        torch.from_numpy(keypoints.numpy())
        return keypoints.new_zeros(len(keypoints), *output_shape), visible.unsqueeze(-1)


class Detached(nn.Module):
    accepts = ("heatmap",)

    def forward(self, output, target, target_weight):
        return (output.detach() - target).square().mean()


class HeadOnly:
    def __init__(self, optimizer_cfg, paramwise_cfg=None) -> None:
        self.lr = optimizer_cfg["lr"]

    def __call__(self, model):
        return torch.optim.SGD(model.keypoint_head.parameters(), lr=self.lr)


@pytest.fixture(autouse=True)
def registered():
    entries = {
        BACKBONES: (Counted, LooksAtValues, LooksAtValuesWhenBuilt),
        HEADS: (OnlyWide,),
        CODECS: (FixedSize, InNumpy),
        LOSSES: (Detached,),
        OPTIMIZER_BUILDERS: (HeadOnly,),
    }
    for registry, components in entries.items():
        for component in components:
            registry.register_module(module=component)
    built.clear()
    yield
    for registry, components in entries.items():
        registry.remove(lambda each, mine=components: each in mine)


def proof(backbone=BACKBONE, head=HEAD, optimizer=OPTIMIZER, more="", limit=512, replace=()):
    text = SPACE.replace(BACKBONE, backbone).replace(HEAD, head).replace(OPTIMIZER, optimizer) + more
    for old, new in replace:
        assert old in text
        text = text.replace(old, new)
    return prove(Space.parse(text, file="s.yaml"), limit)


def found(**changes):
    return [str(problem) for problem in proof(**changes).problems]


def test_nothing_is_wrong_with_a_good_space():
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"head": "keypoint_head: {type: HeatmapHead, in_channels: 100}"},
            "s.yaml:7:38: HeatmapHead has in_channels: 100, but here it is 512; leave it out: it is filled in",
        ),
        (
            {"backbone": "backbone: {type: Timm, model: resnet_18}"},
            "s.yaml:6:33: timm has no model 'resnet_18'",
        ),
        (
            {"backbone": "backbone: {type: HRNet, arch: w32}", "replace": [("[64, 64]", "[48, 64]")]},
            "s.yaml:6:13: HRNet needs images whose width and height are multiples of 32, but got 48x64",
        ),
        (
            {"head": "keypoint_head: {type: HeatmapHead, codec: {type: FixedSize}}"},
            "s.yaml:7:45: FixedSize gives targets of (17, 5, 5), but the head's output is (17, 16, 16)",
        ),
        (
            {"head": "keypoint_head: {type: HeatmapHead, loss_keypoint: {type: Detached}}"},
            "s.yaml:7:53: Detached does not depend on the head's output: nothing can be learnt",
        ),
        (
            {"optimizer": "optimizer: {type: AdamW, lr: 1e-3, betas: [0.9, 1.5]}"},
            "s.yaml:8:49: AdamW: Invalid beta parameter at index 1: 1.5",
        ),
        (
            {
                "optimizer": "optimizer: {type: AdamW, lr: 1e-3, paramwise_cfg: {custom_keys: {backbon_: {lr_mult: 0.1}}}}"
            },
            "s.yaml:8:66: custom_keys: no parameter's name contains 'backbon_'; did you mean 'backbone'?",
        ),
        (
            {"optimizer": "optimizer: {constructor: CocktailOptimizerConstructor, backbone: {type: SGD, lr: 0.1}}"},
            "s.yaml:8:12: no optimizer for keypoint_head.deconv_layers.0.weight",
        ),
        (
            {"optimizer": "optimizer: {type: SGD, constructor: HeadOnly, lr: 0.1}"},
            "s.yaml:8:12: HeadOnly leaves backbone.conv1.weight, backbone.bn1.weight, backbone.bn1.bias and 57 more in "
            "no parameter group",
        ),
        (
            {"more": "training: {lr_schedule: {type: CyclicLR, base_lr: 0.1, max_lr: 0.2, mode: triangle}}\n"},
            "s.yaml:9:69: CyclicLR: mode is invalid",
        ),
    ],
)
def test_one_mistake(changes, message):
    (problem,) = found(**changes)
    assert problem.startswith(message)


def test_options_that_dont_go_together_are_named_once():
    """4 backbones x 2 heads x 2 losses: 2 backbones don't go with 1 head, whatever the loss."""
    backbones = "backbone: {choice: [{type: Counted, stride: {choice: [4, 8]}}, {type: Counted, label: b, width: 8}]}"
    head = """keypoint_head:
    loss_keypoint: {choice: [{type: JointsMSELoss}, {type: AdaptiveWingLoss}]}
    type: {choice: [OnlyWide, HeatmapHead]}"""
    assert found(backbone=backbones, head=head) == [
        "s.yaml:9:21: stride 8 (line 6) and type OnlyWide (line 9) don't go together: Counted and OnlyWide don't fit: "
        f"OnlyWide fails on [2, 4, 8, 8]: the map is too small: 8 ({HERE}:{RAISES})"
    ]


def test_an_option_that_goes_with_nothing_is_named_alone():
    backbones = "backbone: {choice: [{type: ResNet, depth: 18}, {type: Timm, model: nothing}]}"
    heads = "keypoint_head: {choice: [{type: HeatmapHead}, {type: OnlyWide, label: a}]}"
    first, second = found(backbone=backbones, head=heads)
    assert first.startswith("s.yaml:6:70: timm has no model 'nothing'")
    assert second.startswith("s.yaml:7:49: ResNet and OnlyWide don't fit: OnlyWide fails on [2, 512, 2, 2]")


def test_a_mistake_that_no_option_is_to_blame_for_is_told_once():
    backbone = "backbone: {type: ResNet, depth: {choice: [18, 34]}}"
    head = "keypoint_head: {type: HeatmapHead, in_channels: 3, num_deconv_filters: {choice: [8, 16]}}"
    (problem,) = found(backbone=backbone, head=head, optimizer="optimizer: {type: SGD, lr: {uniform: [0.1, 0.2]}}")
    assert problem.startswith("s.yaml:7:38: HeatmapHead has in_channels: 3, but here it is 512")


def test_every_mistake_at_once():
    backbone = "backbone: {choice: [{type: Timm, model: nothing}, {type: Timm, model: nowhere}]}"
    head = "keypoint_head: {type: HeatmapHead, codec: {type: MSRAHeatmap, blur_kernel_size: 2}}"
    problems = found(backbone=backbone, head=head)
    assert [each.partition(": ")[0] for each in problems] == ["s.yaml:6:43", "s.yaml:6:73", "s.yaml:7:65"]


def test_custom_keys_of_some_branches_are_a_warning():
    backbones = "backbone: {choice: [{type: ResNet, depth: 18}, {type: Counted}]}"
    optimizer = (
        "optimizer: {type: AdamW, lr: 1e-3, paramwise_cfg: {custom_keys: {layer1: {lr_mult: 0.1}, x_y: {lr_mult: 1}}}}"
    )
    first, second = proof(backbone=backbones, optimizer=optimizer).problems
    assert str(first) == (
        "s.yaml:8:66: warning: custom_keys: no parameter's name contains 'layer1' with 'Counted' (line 6)"
    )
    assert second.level == "error"
    assert "contains 'x_y'" in second.message


def test_ends_of_ranges_are_tried():
    head = "keypoint_head: {type: HeatmapHead, codec: {type: MSRAHeatmap, blur_kernel_size: {choice: [3, 4]}}}"
    assert found(head=head) == [
        "s.yaml:7:96: blur_kernel_size is the width of a kernel around a pixel and must be odd, but got 4; take 3 or 5"
    ]
    backbone, head = "backbone: {type: Counted, stride: {randint: [1, 6]}}", "keypoint_head: {type: OnlyWide}"
    assert found(backbone=backbone, head=head) == [
        "s.yaml:6:37: stride 5: Counted and OnlyWide don't fit: OnlyWide fails on [2, 4, 13, 13]: "
        f"the map is too small: 13 ({HERE}:{RAISES})"
    ]


def test_each_component_is_built_once_and_each_join_once():
    widths, heads = "[1, 2, 3, 4, 5]", "[{type: OnlyWide}, {type: HeatmapHead, num_deconv_layers: 0}]"
    optimizers = "optimizer: {type: AdamW, lr: {choice: [1e-3, 1e-4, 1e-5]}, weight_decay: {choice: [0, 0.1]}}"
    found = proof(
        backbone=f"backbone: {{type: Counted, width: {{choice: {widths}}}}}",
        head=f"keypoint_head: {{choice: {heads}}}",
        optimizer=optimizers,
    )
    assert found.complete
    assert len(found.rows) == 10
    assert built == {f"Counted {width} 4": 1 for width in range(1, 6)} | {
        f"OnlyWide {width}": 1 for width in range(1, 6)
    }


def test_many_combinations_are_covered_by_pairs():
    backbone = "backbone: {type: Counted, width: {choice: [1, 2, 3, 4]}, stride: {choice: [4, 8]}}"
    losses = "{type: {choice: [JointsMSELoss, L1Loss]}}"
    head = f"keypoint_head: {{type: {{choice: [OnlyWide, HeatmapHead]}}, loss_keypoint: {losses}}}"
    found = proof(backbone=backbone, head=head, limit=8)
    assert not found.complete
    assert len(found.rows) < 16
    messages = [str(problem) for problem in found.problems]
    assert any("stride 8 (line 6) and type OnlyWide (line 7) don't go together" in each for each in messages)
    assert any("L1Loss" in each for each in messages)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"backbone": "backbone: {type: LooksAtValues}"}, ["LooksAtValues"]),
        ({"backbone": "backbone: {type: LooksAtValuesWhenBuilt}"}, ["LooksAtValuesWhenBuilt"]),
        ({"head": "keypoint_head: {type: HeatmapHead, codec: {type: InNumpy}}"}, ["InNumpy"]),
        ({}, []),
    ],
    ids=["forward", "constructor", "codec", "none"],
)
def test_what_cannot_run_on_meta_runs_on_the_cpu_and_is_named(changes, names):
    found = proof(**changes)
    assert found.problems == []
    assert [name for name in found.on_cpu if name in names] == names
    assert bool(found.on_cpu) == bool(names)


def test_no_shipped_component_needs_the_cpu():
    for head in HEADS:
        if getattr(HEADS.get(head), "multi_stage", False) or head == OnlyWide.__name__:
            continue
        assert proof(head=f"keypoint_head: {{type: {head}}}").on_cpu == [], head


def test_an_error_in_a_users_module_names_its_place():
    class Broken(Counted):
        def __init__(self) -> None:
            super().__init__()
            raise KeyError("oh")

    BACKBONES.register_module(module=Broken)
    try:
        (problem,) = found(backbone="backbone: {type: Broken}")
    finally:
        BACKBONES.remove(lambda each: each is Broken)
    assert problem.startswith("s.yaml:6:13: ")
    assert "KeyError: 'oh'" in problem


def test_the_flip_test_needs_a_kind_that_it_can_mirror():
    class Kindless(OnlyWide):
        output = None

    HEADS.register_module(module=Kindless)
    try:
        head = "keypoint_head: {type: Kindless, codec: {type: InNumpy}}"
        backbone = "backbone: {type: Counted}"
        InNumpy.output = None
        (problem,) = found(backbone=backbone, head=head, more="training: {flip_test: true}\n")
        assert found(backbone=backbone, head=head) == []
    finally:
        InNumpy.output = "heatmap"
        HEADS.remove(lambda each: each is Kindless)
    assert "the flip test can't mirror the output of Kindless" in problem
    assert all(kind in problem for kind in KINDS)


def test_a_shift_needs_pixels():
    more = "training: {flip_test: true, shift_heatmap: true}\n"
    (problem,) = found(head="keypoint_head: {type: DeepposeRegressionHead}", more=more)
    assert "shift_heatmap needs heatmaps, but the output is of kind 'coordinates'" in problem
    assert found(more=more) == []
