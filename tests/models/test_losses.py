from __future__ import annotations

import math

import pytest
import torch

import raypose
from raypose import HEADS, LOSSES, RayPoseError, build_from_cfg
from raypose.models.builder import build_model
from raypose.models.losses import JointsMSELoss

SHAPES = {"heatmap": (2, 4, 6, 5), "coordinates": (2, 4, 2)}


def mse(output, target):
    return sum((o - t) ** 2 for o, t in zip(output, target, strict=True)) / len(output)


def cross_entropy(output, target, beta=10.0):
    total = sum(math.exp(beta * o) for o in output)
    return -sum(t / sum(target) * math.log(math.exp(beta * o) / total) for o, t in zip(output, target, strict=True))


def adaptive_wing(output, target, alpha=2.1, omega=14.0, epsilon=1.0, theta=0.5):
    values = []
    for o, t in zip(output, target, strict=True):
        power, ratio = alpha - t, theta / epsilon
        a = omega * (1 / (1 + ratio**power)) * power * ratio ** (power - 1) / epsilon
        c = theta * a - omega * math.log(1 + ratio**power)
        error = abs(t - o)
        values.append(omega * math.log(1 + (error / epsilon) ** power) if error < theta else a * error - c)
    return sum(values) / len(values)


def l1(output, target):
    return sum(abs(o - t) for o, t in zip(output, target, strict=True)) / len(output)


def smooth_l1(output, target, beta=0.05):
    errors = [abs(o - t) for o, t in zip(output, target, strict=True)]
    return sum(0.5 * e * e / beta if e < beta else e - beta / 2 for e in errors) / len(errors)


REFERENCES = {
    "JointsMSELoss": mse,
    "JointsOHKMMSELoss": mse,
    "SpatialCrossEntropyLoss": cross_entropy,
    "AdaptiveWingLoss": adaptive_wing,
    "L1Loss": l1,
    "SmoothL1Loss": smooth_l1,
}


def example(name):
    shape = SHAPES[LOSSES.get(name).accepts[0]]
    generator = torch.Generator().manual_seed(3)
    output = torch.rand(shape, generator=generator) * 1.5 - 0.25
    return output.requires_grad_(), torch.rand(shape, generator=generator)


def slow(name, output, target, weight):
    """The mean of the reference over the keypoints that count."""
    values = [
        REFERENCES[name](output[n, k].flatten().tolist(), target[n, k].flatten().tolist())
        for n in range(2)
        for k in range(4)
        if weight[n, k] > 0
    ]
    return sum(values) / len(values)


@pytest.mark.parametrize("name", list(LOSSES))
class TestEveryLoss:
    def test_has_a_reference(self, name):
        assert name in REFERENCES

    def test_equals_a_slow_loop(self, name):
        output, target = example(name)
        weight = torch.ones(2, 4, 1)
        weight[0, 1], weight[1, 3] = 0, 0
        loss = LOSSES.build({"type": name, "loss_weight": 3.0})
        assert loss(output, target, weight).item() == pytest.approx(3 * slow(name, output, target, weight), rel=1e-4)

    def test_without_target_weight_all_keypoints_count(self, name):
        output, target = example(name)
        loss = LOSSES.build({"type": name, "use_target_weight": False})
        expected = slow(name, output, target, torch.ones(2, 4))
        assert loss(output, target, torch.zeros(2, 4, 1)).item() == pytest.approx(expected, rel=1e-4)
        assert loss(output, target).item() == pytest.approx(expected, rel=1e-4)

    def test_invisible_keypoints_have_no_gradient(self, name):
        output, target = example(name)
        weight = torch.ones(2, 4, 1)
        weight[0, 1] = 0
        LOSSES.build({"type": name})(output, target, weight).backward()
        assert output.grad[0, 1].abs().sum() == 0
        assert output.grad[0, 0].abs().sum() > 0

    def test_no_visible_keypoint_gives_zero_with_a_graph(self, name):
        output, target = example(name)
        value = LOSSES.build({"type": name})(output, torch.zeros_like(target), torch.zeros(2, 4, 1))
        value.backward()
        assert value.item() == 0
        assert output.grad.abs().sum() == 0

    def test_overfits_one_batch(self, name):
        kind = LOSSES.get(name).accepts[0]
        head = next(each for each in HEADS if getattr(HEADS.get(each), "output", None) == kind)
        first, last, error = overfit(head, {"type": name})
        assert last < first
        assert error < 2.5


def overfit(head, loss, steps=50, lr=1e-2):
    torch.manual_seed(0)
    backbone = {"type": "HourglassNet", "num_stacks": 1, "downsample_times": 2, "feat_channel": 16, "stage_blocks": 1}
    cfg = {"backbone": backbone, "keypoint_head": {"type": head, "loss_keypoint": loss}}
    model = build_model(cfg, 3, (64, 64)).train()
    img, keypoints, visible = torch.randn(4, 3, 64, 64), torch.rand(4, 3, 2) * 60 + 2, torch.ones(4, 3)
    visible[0, 0] = 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = model.loss(img, keypoints, visible)["loss"]
        value.backward()
        optimizer.step()
        schedule.step()
        losses.append(value.item())
    # Training mode: it is the batch that was fitted, not the running statistics.
    decoded, _ = model.predict(img)
    return losses[0], losses[-1], (decoded - keypoints).norm(dim=-1)[visible > 0].mean().item()


def test_ohkm_takes_the_hardest_visible_keypoints():
    output, target = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    for k, value in enumerate((1.0, 2.0, 3.0, 4.0)):
        output[0, k] = value
    weight = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 4, 1)
    loss = build_from_cfg({"type": "JointsOHKMMSELoss", "topk": 2}, LOSSES)
    assert loss(output, target, weight).item() == pytest.approx((4 + 9) / 2)
    with pytest.raises(RayPoseError, match="topk >= 1"):
        build_from_cfg({"type": "JointsOHKMMSELoss", "topk": 0}, LOSSES)


def test_mse_of_visible_keypoints_is_torchs():
    output, target = example("JointsMSELoss")
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
