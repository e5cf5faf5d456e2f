"""Components of users' own: what can't run without values, what fails only in training, what changes global state."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from raypose.errors import RayPoseError
from raypose.proof import Costs, prices, prove
from raypose.registry import BACKBONES, LOSSES, OPTIMIZER_BUILDERS, OPTIMIZERS, POSENETS
from raypose.space import Space

SPACE = """\
data:
  train: {type: SyntheticPeople}
  val: {split: 0.2}
  input_size: [64, 64]
model:
  backbone: {type: ResNet, depth: 18}
  keypoint_head: {type: HeatmapHead, num_deconv_filters: 8}
optimizer: {type: AdamW, lr: 1e-3}
training: {batch_size: 8}
"""


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 4, 1)

    def forward(self, x):
        return (self.change(self.conv(x)),)

    def change(self, y):
        return y


class MakesTensors(Net):
    def change(self, y):
        assert y.mean().item() < 1e9
        return y + torch.arange(y.shape[-1]).float()


class ReadsNumpy(Net):
    def change(self, y):
        return y + torch.tensor(float(y.detach().numpy().mean()))


class Masks(Net):
    def change(self, y):
        mask = torch.zeros(y.shape[-2:], dtype=torch.bool)
        return y if len(y[:, :, mask].flatten()) == 0 else y * 2


class KeepsTensors(Net):
    def __init__(self) -> None:
        super().__init__()
        self.grid = torch.arange(16).float()

    def change(self, y):
        return y + self.grid * (1 if y.mean().item() < 1e9 else 2)


class OnlyEvaluates(Net):
    def change(self, y):
        if self.training:
            raise ValueError("not in training")
        return y


class ChangesWhatItNeeds(Net):
    def change(self, y):
        z = y.sigmoid()
        z.mul_(2)
        return z


class Doubles(Net):
    def __init__(self) -> None:
        super().__init__()
        torch.set_default_dtype(torch.float64)


class ReadsWeights:
    def __init__(self, optimizer_cfg, paramwise_cfg=None) -> None:
        self.lr = optimizer_cfg["lr"]

    def __call__(self, model):
        assert all(each.norm().item() >= 0 for each in model.parameters())
        return torch.optim.SGD(model.parameters(), lr=self.lr)


class LossOfValues(nn.Module):
    def forward(self, output, target, target_weight):
        return (output - target).square().mean() * (1 if output.sum().item() == 0 else 2)


class Own(nn.Module):
    """A posenet without the attributes that a TopDown has."""

    def __init__(self, backbone, keypoint_head, neck=None, codec=None, loss_keypoint=None) -> None:
        super().__init__()
        self.net, self.top, self.how, self.cost = backbone, keypoint_head, codec, loss_keypoint

    def forward(self, img):
        return self.top(self.net(img)[-1])

    def loss(self, img, keypoints, visible):
        output = self(img)
        return {"loss": self.cost(output, *self.how.encode(keypoints, visible, output.shape[1:]))}

    def predict(self, img, flip_pairs=None):
        return self.how.decode(self(img))


class Unfinished(Own):
    def predict(self, img, flip_pairs=None):
        raise NotImplementedError("later")


class Broken(Own):
    def __init__(self, **parts) -> None:
        super().__init__(**parts)
        raise KeyError("oh")


ENTRIES = {
    BACKBONES: (
        MakesTensors,
        ReadsNumpy,
        Masks,
        KeepsTensors,
        OnlyEvaluates,
        ChangesWhatItNeeds,
        Doubles,
    ),
    OPTIMIZER_BUILDERS: (ReadsWeights,),
    LOSSES: (LossOfValues,),
    POSENETS: (Own, Unfinished, Broken),
}


@pytest.fixture(autouse=True)
def registered():
    for registry, components in ENTRIES.items():
        for component in components:
            registry.register_module(module=component)
    yield
    for registry, components in ENTRIES.items():
        registry.remove(lambda each, mine=components: each in mine)


def space(*changes):
    text = SPACE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Space.parse(text, file="s.yaml")


RESNET = "type: ResNet, depth: 18"


@pytest.mark.parametrize("name", ["MakesTensors", "ReadsNumpy", "Masks", "KeepsTensors"])
def test_a_backbone_that_looks_at_values_runs_on_the_cpu(name):
    its = space((RESNET, f"type: {name}"))
    found = prove(its)
    assert found.problems == []
    assert found.on_cpu == [name]
    (price,) = prices(its, found)
    assert price.flops > 0 < price.memory[8]


def test_a_constructor_that_reads_weights_gets_some():
    found = prove(space(("type: AdamW", "constructor: ReadsWeights, type: SGD")))
    assert found.problems == []
    assert found.on_cpu == ["ReadsWeights"]


def test_only_what_needs_the_cpu_is_named():
    assert prove(space(("deconv_filters: 8", "deconv_filters: 8, loss_keypoint: {type: LossOfValues}"))).on_cpu == [
        "LossOfValues"
    ]


@pytest.mark.parametrize(
    ("name", "why"), [("OnlyEvaluates", "not in training"), ("ChangesWhatItNeeds", "modified by an inplace operation")]
)
def test_what_fails_only_in_training_is_found(name, why):
    (problem,) = prove(space((RESNET, f"type: {name}"))).problems
    assert str(problem).startswith(f"s.yaml:6:13: {name} fails in a training step of 2 images: ")
    assert why in problem.message


def test_a_batch_of_one_is_tried():
    changes = ("[64, 64]", "[32, 32]"), ("batch_size: 8", "batch_size: {choice: [1, 4]}")
    (problem,) = prove(space(*changes)).problems
    assert "ResNet fails in a training step of 1 image: Expected more than 1 value per channel" in problem.message
    assert prove(space(changes[0])).problems == []


def test_what_one_option_changes_for_all_the_others_dont_meet():
    backbones = "backbone: {choice: [{type: Doubles}, {type: ResNet, depth: 18}, {type: ResNet, depth: 34}]}"
    found = prove(space((f"backbone: {{{RESNET}}}", backbones)))
    assert not [each for each in found.problems if "34" in each.message or "18" in each.message]
    assert torch.get_default_dtype() == torch.float32


def test_a_posenet_of_ones_own_needs_no_more_than_its_contract():
    its = space(("  backbone", "  type: Own\n  backbone"))
    found = prove(its)
    assert found.problems == []
    assert prices(its, found)[0].params > 11e6


def test_a_posenet_that_cannot_predict_is_found():
    (problem,) = prove(space(("  backbone", "  type: Unfinished\n  backbone"))).problems
    assert "Unfinished fails in a training step or a prediction: later" in problem.message


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in ("Kron", "Muon")])
def test_every_optimizers_memory_can_be_told(name):
    costs = Costs()
    config = space(("type: AdamW, lr: 1e-3", f"type: {name}, lr: 1e-3")).default()
    config["model"] = {"backbone": {"type": "MobileNetV3", "arch": "small"}, "keypoint_head": {"type": "RTMCCHead"}}
    assert costs(config).memory > 0


def test_a_posenet_that_cannot_be_built_is_found():
    (problem,) = prove(space(("  backbone", "  type: Broken\n  backbone"))).problems
    assert str(problem).startswith("s.yaml:6:3: KeyError: 'oh' (")


def test_what_cannot_be_priced_is_a_warning():
    class Stubborn(torch.optim.SGD):
        def step(self, closure):
            return closure()

    OPTIMIZERS.register_module(module=Stubborn)
    try:
        its = space(("{type: AdamW, lr: 1e-3}", "{choice: [{type: AdamW}, {type: Stubborn, lr: 0.1}]}"))
        found, told = prove(its), []
        assert prices(its, found, warn=told.append) == []
        with pytest.raises(RayPoseError, match="Stubborn"):
            prices(its, found)
    finally:
        OPTIMIZERS.remove(lambda each: each is Stubborn)
    (problem,) = told
    assert str(problem).startswith("s.yaml:8:37: warning: the memory of Stubborn can't be told")


class TestData:
    def broken(self, tmp_path, tiny_coco, part, change):
        content = json.loads(json.dumps(tiny_coco.content))
        change(content)
        file = tmp_path / "broken.json"
        file.write_text(json.dumps(content))
        files = {"train": tiny_coco.ann_file, "val": tiny_coco.ann_file, part: str(file)}
        line = '  {}: {{type: CocoKeypoints, ann_file: "{}", img_prefix: "{}"}}'
        train, val = (line.format(each, files[each], tiny_coco.img_prefix) for each in ("train", "val"))
        old = "  train: {type: SyntheticPeople}\n  val: {split: 0.2}"
        return prove(space((old, f"{train}\n{val}"))).problems

    @pytest.mark.parametrize(("part", "line"), [("train", 2), ("val", 3)])
    def test_a_dataset_that_cannot_be_read_is_named(self, tmp_path, tiny_coco, part, line):
        (problem,) = self.broken(tmp_path, tiny_coco, part, lambda content: content.pop("categories"))
        assert problem.line == line
        assert "broken.json" in problem.message

    def test_wrong_numbers_of_keypoints_are_found(self, tmp_path, tiny_coco):
        (problem,) = self.broken(
            tmp_path, tiny_coco, "train", lambda content: content["annotations"][0]["keypoints"].pop()
        )
        assert problem.line == 2

    def test_parts_with_other_keypoints_dont_go_together(self, tmp_path, tiny_coco):
        def rename(content):
            content["categories"][0]["keypoints"][0] = "tail"

        (problem,) = self.broken(tmp_path, tiny_coco, "val", rename)
        assert (problem.line, problem.message[:46]) == (3, "train and val must have the same keypoints, bu")

    def test_arguments_of_drawn_people_are_held(self):
        (problem,) = prove(space(("{type: SyntheticPeople}", "{type: SyntheticPeople, num_images: 0}"))).problems
        assert str(problem).startswith("s.yaml:2:34: num_images >= 1")


def test_a_cause_of_three_options_is_found_among_many():
    """960 combinations, of which those with a=2, b=3 and c=4 fail; pairs of these go together."""

    class Picky(Net):
        def __init__(self, a, b, c, d) -> None:
            super().__init__()
            if (a, b, c) == (2, 3, 4):
                raise RayPoseError("no")

    BACKBONES.register_module(module=Picky)
    values = {"a": range(4), "b": range(5), "c": range(6), "d": range(8)}
    arguments = ", ".join(f"{name}: {{choice: {list(each)}}}" for name, each in values.items())
    try:
        found = prove(space((RESNET, f"type: Picky, {arguments}")))
    finally:
        BACKBONES.remove(lambda each: each is Picky)
    assert not found.complete
    for problem in found.problems:
        assert problem.message.startswith("a 2 (line 6) and b 3 (line 6) and c 4 (line 6) don't go together")
