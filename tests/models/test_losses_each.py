"""What is particular to one loss."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

import raypose
from raypose import LOSSES, RayPoseError
from raypose.codecs import SimCCLabel
from raypose.models.builder import build_model
from raypose.models.losses import JointsMSELoss
from raypose.registry import offer

SIGMAS = (0.05, 0.1, 0.2, 0.3)
INFO = SimpleNamespace(sigmas=SIGMAS, skeleton=((0, 2), (1, 2), (2, 3)))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def build(name, **cfg):
    given = {"input_size": (48, 64), "num_keypoints": 4, "info": INFO}
    return LOSSES.build(offer({"type": name, **cfg}, LOSSES, **given))


def test_ohkm_takes_the_hardest_visible_keypoints():
    output, target = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    for k, value in enumerate((1.0, 2.0, 3.0, 4.0)):
        output[0, k] = value
    weight = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 4, 1)
    assert build("JointsOHKMMSELoss", topk=2)(output, target, weight).item() == pytest.approx((4 + 9) / 2)


def test_mse_of_visible_keypoints_is_torchs():
    output, target = torch.rand(2, 4, 6, 5), torch.rand(2, 4, 6, 5)
    expected = torch.nn.functional.mse_loss(output, target)
    torch.testing.assert_close(JointsMSELoss()(output, target, torch.ones(2, 4, 1)), expected)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_cross_entropy_scores_a_perfect_prediction_near_one(sigma):
    loss_cfg, codec_cfg = {"type": "SpatialCrossEntropyLoss"}, {"type": "MSRAHeatmap", "sigma": sigma}
    cfg = {"backbone": {"type": "MobileNetV3"}, "loss_keypoint": loss_cfg, "codec": codec_cfg}
    model = build_model({**cfg, "keypoint_head": {"type": "HeatmapHead"}}, 1, (96, 128))
    target, _ = model.codec.encode(torch.tensor([[[49.5, 61.5]]]), torch.ones(1, 1), (1, 32, 24))
    heatmap = model.loss_keypoint.activate(target.clamp(min=1e-20).log() / model.loss_keypoint.beta)
    assert heatmap.max().item() == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(heatmap, target, atol=0.02, rtol=0)


class TestFocal:
    def test_needs_no_pixel_of_height_one(self):
        """A gaussian between four pixels has four highest ones, all of which are the keypoint."""
        target = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.88, 0.88, 0.0], [0.0, 0.88, 0.88, 0.0]]).view(1, 1, 3, 4)
        logits = torch.zeros_like(target, requires_grad=True)
        build("FocalHeatmapLoss")(logits, target).backward()
        assert torch.equal(logits.grad < 0, target > 0)

    def test_an_empty_target_has_no_positive(self):
        logits = torch.zeros(1, 1, 3, 4, requires_grad=True)
        build("FocalHeatmapLoss")(logits, torch.zeros(1, 1, 3, 4)).backward()
        assert (logits.grad > 0).all()

    def test_activates_to_probabilities(self):
        loss = build("FocalHeatmapLoss", prior=0.2)
        torch.testing.assert_close(loss.activate(torch.zeros(2, 2)), torch.full((2, 2), 0.2))


def test_wings_meet_in_the_middle():
    for loss, joint in ((build("WingLoss"), 10.0), (build("SoftWingLoss"), 2.0)):
        below, above = loss.curve(torch.tensor([joint * (1 - 1e-6), joint * (1 + 1e-6)]))
        assert below.item() == pytest.approx(above.item(), rel=1e-4)


class TestDiscrete:
    def test_are_zero_at_the_target(self):
        target = torch.rand(2, 4, 9) + 0.1
        logits = (target.log(), 2 * target.log())
        targets = (target, target.square())
        assert build("KLDiscretLoss")(logits, targets).item() == pytest.approx(0, abs=1e-6)
        assert build("JSDiscretLoss")(logits, targets).item() == pytest.approx(0, abs=1e-6)

    def test_far_apart_js_is_log_2(self):
        output, target = torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
        output[..., 0, 0], target[..., 1, 1] = 1, 1
        assert build("JSDiscretLoss")(output, target).item() == pytest.approx(math.log(2))

    def test_label_softmax_and_beta(self):
        target = torch.rand(2, 4, 9)
        logits = 2 * target / target.amax(-1, keepdim=True)
        loss = build("KLDiscretLoss", beta=5.0, label_softmax=True, label_beta=10.0)
        assert loss((logits, logits), (target, target)).item() == pytest.approx(0, abs=1e-6)
        torch.testing.assert_close(loss.activate((target, target))[1], 5 * target)

    def test_label_softmax_learns_the_same_from_either_normalize(self):
        """A target of peak 0.07, which sums to 1, is no uniform one."""
        points, seen, shape = torch.rand(2, 4, 2) * 40 + 4, torch.ones(2, 4), ((4, 96), (4, 128))
        codecs = [SimCCLabel((48, 64), simcc_split_ratio=2.0, normalize=each) for each in (True, False)]
        one, other = (codec.encode(points, seen, shape)[0] for codec in codecs)
        loss, uniform = build("KLDiscretLoss", label_softmax=True), (torch.zeros(2, 4, 96), torch.zeros(2, 4, 128))
        assert loss(uniform, one).item() > 1
        assert loss(uniform, one).item() == pytest.approx(loss(uniform, other).item(), rel=1e-2)


class TestBone:
    def test_parents(self):
        points = torch.rand(2, 4, 2)
        skeleton = build("BoneLoss")
        parents = build("BoneLoss", joint_parents=[2, 2, 2, 2])
        torch.testing.assert_close(parents(points, points * 2), skeleton(points, points * 2))

    @pytest.mark.parametrize(("parents", "message"), [
        ([0, 0, 1], "joint_parents holds 4 indices from 0 to 3, one a keypoint, but got"),
        ([0, 0, 1, 4], "joint_parents holds 4 indices"),
        ([0, 1, 2, 3], "BoneLoss has no bones; give joint_parents"),
    ])  # fmt: skip
    def test_mistakes(self, parents, message):
        with pytest.raises(RayPoseError, match=message):
            build("BoneLoss", joint_parents=parents)

    def test_nothing_to_take_the_bones_from(self):
        with pytest.raises(RayPoseError, match="give joint_parents"):
            build("BoneLoss", info=None)


class TestOKS:
    def test_modes(self):
        one = (torch.rand(1, 4, 2), torch.rand(1, 4, 2))
        value = 1 - build("OKSLoss")(*one).item()
        assert build("OKSLoss", mode="log")(*one).item() == pytest.approx(-math.log(value), rel=1e-4)
        assert build("OKSLoss", mode="square")(*one).item() == pytest.approx(1 - value**2, rel=1e-4)

    def test_is_that_of_coco(self):
        """COCO: exp(-d² / (8 sigma² area)), at an area of 0.64 of the input, d in pixels."""
        output, target = torch.full((1, 4, 2), 0.5), torch.full((1, 4, 2), 0.5)
        output[..., 0] += 3 / 48
        expected = sum(math.exp(-(3**2) / (8 * sigma**2 * 0.64 * 48 * 64)) for sigma in SIGMAS) / 4
        assert 1 - build("OKSLoss")(output, target).item() == pytest.approx(expected, rel=1e-5)

    def test_an_invisible_keypoint_never_counts(self):
        """Not even where it is right and all others are far off."""
        output, target = torch.zeros(1, 4, 2, requires_grad=True), torch.full((1, 4, 2), 9.0)
        weight = torch.tensor([0.0, 1.0, 1.0, 1.0]).view(1, 4, 1)
        target[0, 0] = 0.001
        value = build("OKSLoss", mode="log")(output, target, weight)
        value.backward()
        assert value.item() > 100
        assert output.grad[0, 0].abs().sum() == 0
        assert output.grad[0, 1:].abs().sum() > 0

    @pytest.mark.parametrize(("cfg", "message"), [
        ({"info": None}, "OKSLoss has no sigmas; give one a keypoint"),
        ({"sigmas": [0.1]}, "sigmas must be 4 positive numbers"),
        ({"mode": "cubic"}, "'mode' must be 'linear', 'square' or 'log', but got 'cubic'"),
        ({"area": 0}, "'area' must be greater than 0"),
        ({"sigmas": [0.1, 0.1, 0.1, 0]}, "'sigmas' must be greater than 0"),
    ])  # fmt: skip
    def test_mistakes(self, cfg, message):
        with pytest.raises(RayPoseError, match=message):
            build("OKSLoss", **cfg)


@pytest.mark.parametrize(("name", "cfg", "message"), [
    ("AdaptiveWingLoss", {"alpha": 2}, "greater than 2"),
    ("AdaptiveWingLoss", {"omega": 0}, "greater than 0"),
    ("AdaptiveWingLoss", {"epsilon": 0}, "greater than 0"),
    ("AdaptiveWingLoss", {"theta": -1}, "greater than 0"),
    ("FocalHeatmapLoss", {"alpha": -1}, "greater than or equal to 0"),
    ("FocalHeatmapLoss", {"beta": -1}, "greater than or equal to 0"),
    ("FocalHeatmapLoss", {"prior": 1}, "less than 1"),
    ("JointsOHKMMSELoss", {"topk": 0}, "greater than 0"),
    ("KLDiscretLoss", {"beta": 0}, "greater than 0"),
    ("KLDiscretLoss", {"label_beta": 0}, "greater than 0"),
    ("RLELoss", {"q_distribution": "cauchy"}, "'laplace' or 'gaussian'"),
    ("SmoothL1Loss", {"beta": -1}, "greater than or equal to 0"),
    ("SoftWingLoss", {"omega1": 0}, "greater than 0"),
    ("SoftWingLoss", {"omega2": -1}, "greater than 0"),
    ("SpatialCrossEntropyLoss", {"beta": 0}, "greater than 0"),
    ("WingLoss", {"epsilon": 0}, "greater than 0"),
    ("WingLoss", {"omega": float("nan")}, "greater than 0"),
])  # fmt: skip
def test_wrong_values(name, cfg, message):
    key, value = next(iter(cfg.items()))
    with pytest.raises(RayPoseError, match=f"{name}: '{key}' must be {message}.*, but got {value!r}"):
        build(name, **cfg)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "MultipleLossWrapper"])
def test_no_loss_has_a_negative_weight(name):
    with pytest.raises(RayPoseError, match=f"{name}: 'loss_weight' must be greater than or equal to 0, but got -1"):
        build(name, loss_weight=-1)


def test_wrong_values_are_all_named_at_once():
    with pytest.raises(RayPoseError) as caught:
        build("WingLoss", omega=0, epsilon="wide", loss_weight=-1)
    assert len(caught.value.problems) == 3


class TestWeightedLoss:
    @staticmethod
    @raypose.weighted_loss
    def squared(pred, target, factor=1.0):
        return factor * (pred - target) ** 2

    pred, target = torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3)

    def test_reductions(self):
        assert self.squared(self.pred, self.target).item() == pytest.approx(14 / 3)
        assert self.squared(self.pred, self.target, reduction="sum").item() == 14
        assert self.squared(self.pred, self.target, reduction="none").tolist() == [1, 4, 9]
        assert self.squared(self.pred, self.target, factor=2.0).item() == pytest.approx(28 / 3)

    def test_weight_and_avg_factor(self):
        weight = torch.tensor([1.0, 0.0, 1.0])
        assert self.squared(self.pred, self.target, weight).item() == pytest.approx(10 / 3)
        assert self.squared(self.pred, self.target, weight, avg_factor=2).item() == 5

    def test_mistakes(self):
        with pytest.raises(RayPoseError, match="reduction is none, mean or sum"):
            self.squared(self.pred, self.target, reduction="average")
        with pytest.raises(RayPoseError, match="avg_factor"):
            self.squared(self.pred, self.target, reduction="sum", avg_factor=2)
