"""Nothing in a training step makes the CPU wait for a GPU: no value is read back, no list is copied to the device."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from raypose import HEADS, LOSSES
from raypose.kinds import default_codec, mismatches
from raypose.models.builder import build_model
from raypose.optim import build_optimizer, build_schedule
from raypose.registry import CODECS
from raypose.training.averaging import Averaged
from raypose.training.trainer import Trainer

SIZE, NAMES = (64, 64), 4
INFO = SimpleNamespace(sigmas=(0.05, 0.1, 0.2, 0.3), skeleton=((0, 2), (1, 2), (2, 3)))
BACKBONE = {"type": "HourglassNet", "num_stacks": 1, "downsample_times": 2, "feat_channel": 8, "stage_blocks": 1}
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "_unique2", "equal", "is_nonzero")


class Waits(TorchDispatchMode):
    """Notes operations of which a GPU's would have to be waited for. On the CPU, where a list that becomes a tensor passes
    through `lift_fresh`; single numbers do so too, which a GPU takes as arguments."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masked = name.startswith("index") and any(
            isinstance(each, torch.Tensor) and each.dtype == torch.bool for each in tree_leaves(args[1])
        )
        if name in WAITING or masked or (name == "lift_fresh" and args[0].ndim):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


def pairs():
    for head in HEADS:
        codec = CODECS.get(default_codec(HEADS.get(head))["type"])
        for loss in LOSSES:
            if loss != "MultipleLossWrapper" and not mismatches(HEADS.get(head), codec, [LOSSES.get(loss)]):
                yield head, None, loss
    for codec in CODECS:
        for head in HEADS:
            if not mismatches(HEADS.get(head), CODECS.get(codec), []):
                yield head, codec, None
                break


def batch(count=2):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(count, 3, *SIZE, generator=generator)
    keypoints = torch.rand(count, NAMES, 2, generator=generator) * 63
    return SimpleNamespace(image=image, keypoints=keypoints, visible=torch.full((count, NAMES), 2.0))


def model_of(head, codec=None, loss=None):
    cfg = {"backbone": BACKBONE, "keypoint_head": {"type": head}}
    cfg |= {"codec": {"type": codec}} if codec else {}
    cfg |= {"loss_keypoint": {"type": loss}} if loss else {}
    torch.manual_seed(0)
    return build_model(cfg, NAMES, SIZE, info=INFO)


@pytest.mark.parametrize(("head", "codec", "loss"), list(pairs()), ids=lambda each: each or "")
def test_losses_and_codecs(head, codec, loss):
    model, given = model_of(head, codec, loss), batch()
    with torch.no_grad():
        output = model.eval()(given.image)
    with Waits() as waits:
        model._losses(output, given.keypoints, given.visible)
    assert not waits.found


@pytest.mark.parametrize(("head", "codec", "loss"), list(pairs()), ids=lambda each: each or "")
def test_decoding_with_a_flip_test(head, codec, loss):
    model, given = model_of(head, codec, loss).eval(), batch()
    with torch.no_grad():
        output = model(given.image)
        with Waits() as waits:
            model._decode(output, given.image, [(0, 1)], model.kind == "heatmap")
    assert not waits.found


@pytest.mark.parametrize("optimizer", ["AdamW", "SGD", "Adagrad"])
def test_a_whole_step(optimizer):
    model = model_of("HeatmapHead")
    built = build_optimizer({"type": optimizer, "lr": 1e-3}, model)
    schedule = build_schedule({"type": "OneCycleLR", "max_lr": 0.01, "cycle_momentum": False}, built, 2, 3)
    trainer = Trainer(model, built, schedule, [], lambda model: {}, grad_clip=1.0)
    trainer.step(batch())
    with Waits() as waits:
        trainer.step(batch())
    assert not waits.found


def test_averaged_weights():
    """On `meta` nothing can be read; only the count of updates is on the CPU."""
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).to("meta")
    averaged = Averaged(model, 0.9)
    for _ in range(2):
        averaged.update_parameters(model)
    assert averaged.n_averaged.item() == 2


def test_what_would_be_noticed():
    values, keep = torch.rand(4), torch.tensor([True, False, True, True])
    with Waits() as waits:
        values.sum().item()
        values * values.new_tensor((1, 2, 3, 4))
        values[keep]
        values[[0, 1]]
        values[0] = 1
        values * 2
    assert waits.found == ["_local_scalar_dense", "lift_fresh", "index", "lift_fresh"]
