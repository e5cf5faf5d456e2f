from __future__ import annotations

import copy

import pytest
import torch

from raypose import RayPoseError
from raypose.models.builder import build_model
from raypose.models.losses import (
    JointsMSELoss,
    JointsOHKMMSELoss,
    JSDiscretLoss,
    KLDiscretLoss,
    L1Loss,
    MultipleLossWrapper,
    SmoothL1Loss,
    SpatialCrossEntropyLoss,
)

SIZE = (64, 64)
BACKBONE = {"type": "HourglassNet", "num_stacks": 1, "downsample_times": 2, "feat_channel": 8, "stage_blocks": 1}
IMAGE = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
POINTS = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(1)) * 64
VISIBLE = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])


def build(head, losses):
    wrapper = {"type": "MultipleLossWrapper", "losses": losses}
    cfg = {"backbone": BACKBONE, "keypoint_head": {"type": head, "loss_keypoint": wrapper}}
    torch.manual_seed(0)
    return build_model(cfg, 3, SIZE).eval()


def test_it_is_the_weighted_sum():
    losses = [{"type": "JointsMSELoss", "loss_weight": 2.0}, {"type": "JointsOHKMMSELoss", "topk": 2}]
    model = build("HeatmapHead", losses)
    output = model(IMAGE)
    target, weight = model.codec.encode(POINTS, VISIBLE, tuple(output.shape[1:]))
    expected = 2 * JointsMSELoss()(output, target, weight) + JointsOHKMMSELoss(topk=2)(output, target, weight)
    torch.testing.assert_close(model.loss(IMAGE, POINTS, VISIBLE)["loss"], expected)


def test_each_loss_takes_its_part_of_the_output():
    model = build("DSNTHead", [{"type": "SmoothL1Loss"}, {"type": "JSDiscretLoss", "loss_weight": 3.0}])
    coordinates, density = model(IMAGE)
    shape = (tuple(coordinates.shape[1:]), tuple(density.shape[1:]))
    (points, maps), weight = model.codec.encode(POINTS, VISIBLE, shape)
    expected = SmoothL1Loss()(coordinates, points, weight) + 3 * JSDiscretLoss()(density, maps, weight)
    torch.testing.assert_close(model.loss(IMAGE, POINTS, VISIBLE)["loss"], expected)


def test_one_loss_alone_takes_its_part():
    cfg = {"backbone": BACKBONE, "keypoint_head": {"type": "DSNTHead", "loss_keypoint": {"type": "L1Loss"}}}
    model = build_model(cfg, 3, SIZE).eval()
    coordinates, density = model(IMAGE)
    targets, weight = model.codec.encode(POINTS, VISIBLE, ((3, 2), tuple(density.shape[1:])))
    expected = L1Loss()(coordinates, targets[0], weight)
    torch.testing.assert_close(model.loss(IMAGE, POINTS, VISIBLE)["loss"], expected)


def test_losses_that_read_the_output_alike_are_summed():
    both = MultipleLossWrapper([SpatialCrossEntropyLoss(), SpatialCrossEntropyLoss(loss_weight=0.5)])
    logits = torch.randn(1, 3, 16, 16)
    torch.testing.assert_close(both.activate(logits), SpatialCrossEntropyLoss().activate(logits))
    torch.testing.assert_close(copy.deepcopy(both).activate(logits), both.activate(logits))
    assert not hasattr(MultipleLossWrapper([JointsMSELoss()]), "activate")
    assert len(MultipleLossWrapper([JSDiscretLoss(), KLDiscretLoss()], "simcc").losses) == 2
    with torch.device("meta"):
        MultipleLossWrapper([JSDiscretLoss(), KLDiscretLoss()], "simcc")


@pytest.mark.parametrize(
    ("losses", "kind"),
    [
        ([SpatialCrossEntropyLoss(), JointsMSELoss()], "heatmap"),
        ([SpatialCrossEntropyLoss(beta=1), SpatialCrossEntropyLoss(beta=10)], "heatmap"),
        ([JSDiscretLoss(), KLDiscretLoss(beta=10)], "simcc"),
    ],
)
def test_losses_that_read_the_output_differently_are_not(losses, kind):
    with pytest.raises(RayPoseError, match=f"{type(losses[0]).__name__} and {type(losses[1]).__name__} can't be"):
        MultipleLossWrapper(losses, kind)


def test_sums_of_sums_are_held_to_the_kind_too():
    inner = {"type": "MultipleLossWrapper", "losses": [{"type": "JointsMSELoss"}]}
    with pytest.raises(RayPoseError, match=r"gives 'coordinates\+density', but JointsMSELoss takes 'heatmap'"):
        build("DSNTHead", [{"type": "L1Loss"}, inner])
    inner["losses"] = [{"type": "SmoothL1Loss"}, {"type": "JSDiscretLoss", "loss_weight": 3.0}]
    nested, plain = (
        build("DSNTHead", [{"type": "L1Loss"}, inner]),
        build("DSNTHead", [{"type": "L1Loss"}, *inner["losses"]]),
    )
    torch.testing.assert_close(nested.loss(IMAGE, POINTS, VISIBLE), plain.loss(IMAGE, POINTS, VISIBLE))


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([], "at least one loss"),
        ([{"type": "JointsMSELoss"}, {"type": "L1Loss"}], "gives 'heatmap', but L1Loss takes 'coordinates'"),
        ([{"type": "JointMSELoss"}], "did you mean 'JointsMSELoss'"),
        (["JointsMSELoss"], "is a mapping with a 'type'"),
    ],
)
def test_mistakes(losses, message):
    with pytest.raises(RayPoseError, match=message):
        build("HeatmapHead", losses)
