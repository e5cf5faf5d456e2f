from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from raypose import LOSSES
from raypose.registry import offer

INPUT_SIZE = (48, 64)
SIGMAS = (0.05, 0.1, 0.2, 0.3)
SKELETON = ((0, 2), (1, 2), (2, 3))
INFO = SimpleNamespace(sigmas=SIGMAS, skeleton=SKELETON)


# Slow references: of one keypoint, from flat lists, unless another is given below.


def mse(output, target):
    return sum((o - t) ** 2 for o, t in zip(output, target, strict=True)) / len(output)


def combined(output, target):
    n = len(output) // 3
    heatmaps = mse(output[:n], target[:n])
    disc = target[:n]
    offsets = [sum((disc[i] * (output[part + i] - target[part + i])) ** 2 for i in range(n)) / n for part in (n, 2 * n)]
    return 0.5 * (heatmaps + sum(offsets))


def cross_entropy(output, target, beta=10.0):
    total = sum(math.exp(beta * o) for o in output)
    return -sum(t / sum(target) * math.log(math.exp(beta * o) / total) for o, t in zip(output, target, strict=True))


def focal(output, target, alpha=2, beta=4, prior=0.1):
    total, bias = 0.0, math.log(prior / (1 - prior))
    for o, t in zip(output, target, strict=True):
        p = 1 / (1 + math.exp(-o - bias))
        total -= (1 - p) ** alpha * math.log(p) if t == max(target) else (1 - t) ** beta * p**alpha * math.log(1 - p)
    return total


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


def in_pixels(curve):
    def loss(output, target):
        errors = [abs(o - t) * size for o, t, size in zip(output, target, INPUT_SIZE, strict=True)]
        return sum(curve(error) / size for error, size in zip(errors, INPUT_SIZE, strict=True)) / 2

    return loss


def wing(error, omega=10.0, epsilon=2.0):
    constant = omega - omega * math.log(1 + omega / epsilon)
    return omega * math.log(1 + error / epsilon) if error < omega else error - constant


def soft_wing(error, omega1=2.0, omega2=20.0, epsilon=0.5):
    constant = omega1 - omega2 * math.log(1 + omega1 / epsilon)
    return error if error < omega1 else omega2 * math.log(1 + error / epsilon) + constant


def rle(output, target):
    """Of a flow that changes nothing: Laplace times normal."""
    total = 0.0
    for mean, sigma, t in zip(output[:2], output[2:], target, strict=True):
        error = (mean - t) / (sigma + 1e-4)
        laplace, normal = math.exp(-abs(error)) / 2, math.exp(-(error**2) / 2) / math.sqrt(2 * math.pi)
        total -= math.log(laplace * normal / (sigma + 1e-4))
    return total


def softmax(values):
    total = sum(math.exp(v) for v in values)
    return [math.exp(v) / total for v in values]


def scaled(values):
    return [v / sum(values) for v in values]


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def kl_simcc(output, target):
    return sum(kl(scaled(t), softmax(o)) for o, t in zip(output, target, strict=True))


def js(p, q):
    m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return kl(p, m) / 2 + kl(q, m) / 2


def js_simcc(output, target):
    return sum(js(softmax(o), scaled(t)) for o, t in zip(output, target, strict=True))


REFERENCES = {
    ("AdaptiveWingLoss", "heatmap"): adaptive_wing,
    ("CombinedTargetMSELoss", "combined"): combined,
    ("FocalHeatmapLoss", "heatmap"): focal,
    ("JSDiscretLoss", "density"): lambda output, target: js(output, scaled(target)),
    ("JSDiscretLoss", "simcc"): js_simcc,
    ("JointsMSELoss", "heatmap"): mse,
    ("JointsOHKMMSELoss", "heatmap"): mse,
    ("KLDiscretLoss", "simcc"): kl_simcc,
    ("L1Loss", "coordinates"): l1,
    ("MSELoss", "coordinates"): mse,
    ("RLELoss", "rle"): rle,
    ("SmoothL1Loss", "coordinates"): smooth_l1,
    ("SoftWingLoss", "coordinates"): in_pixels(soft_wing),
    ("SpatialCrossEntropyLoss", "heatmap"): cross_entropy,
    ("WingLoss", "coordinates"): in_pixels(wing),
}


def keypoint(value, n, k):
    return tuple(keypoint(part, n, k) for part in value) if isinstance(value, tuple) else value[n, k].flatten().tolist()


def mean_over_keypoints(reference, output, target, weight):
    """The mean of the reference over the keypoints that count."""
    counted = [(n, k) for n in range(2) for k in range(4) if weight[n, k] > 0]
    return sum(reference(keypoint(output, *nk), keypoint(target, *nk)) for nk in counted) / len(counted)


def oks(output, target, weight, area=0.64):
    losses = []
    for n in range(2):
        values = []
        for k in range(4):
            d2 = sum(((output[n, k, i] - target[n, k, i]).item() * INPUT_SIZE[i]) ** 2 for i in range(2))
            s2 = area * INPUT_SIZE[0] * INPUT_SIZE[1]
            if weight[n, k] > 0:
                values.append(math.exp(-d2 / (2 * s2 * (2 * SIGMAS[k]) ** 2)))
        losses.append(1 - sum(values) / len(values))
    return sum(losses) / len(losses)


def bone(output, target, weight):
    def length(points, a, b):
        return math.hypot(*((points[a, i] - points[b, i]).item() * INPUT_SIZE[i] / 64 for i in range(2)))

    counted = [(n, a, b) for n in range(2) for a, b in SKELETON if weight[n, a] > 0 and weight[n, b] > 0]
    return sum(abs(length(output[n], a, b) - length(target[n], a, b)) for n, a, b in counted) / len(counted)


WHOLE = {("OKSLoss", "coordinates"): oks, ("BoneLoss", "coordinates"): bone}
SUMS = {"MultipleLossWrapper"}
CASES = [(name, kind) for name in LOSSES if name not in SUMS for kind in LOSSES.get(name).accepts]


def slow(name, kind, output, target, weight):
    if (name, kind) in WHOLE:
        return WHOLE[name, kind](output, target, weight)
    return mean_over_keypoints(REFERENCES[name, kind], output, target, weight)


def build(name, **cfg):
    given = {"input_size": INPUT_SIZE, "num_keypoints": 4, "info": INFO}
    return LOSSES.build(offer({"type": name, **cfg}, LOSSES, **given))


def build_plain(name, **cfg):
    """Built, with a flow that changes nothing."""
    loss = build(name, **cfg)
    for parameter in loss.parameters():
        torch.nn.init.zeros_(parameter)
    return loss


def raw_and_target(kind, device="cpu"):
    """Leaf tensors that `output_of` makes an output of that kind of, and a target."""
    generator = torch.Generator().manual_seed(3)

    def rand(*shape):
        return torch.rand(2, 4, *shape, generator=generator).to(device)

    raw, target = {
        "heatmap": lambda: ([rand(6, 5) * 1.5 - 0.25], rand(6, 5)),
        "combined": lambda: ([rand(3, 6, 5) * 1.5 - 0.25], rand(3, 6, 5)),
        "coordinates": lambda: ([rand(2) * 1.5 - 0.25], rand(2)),
        "rle": lambda: ([rand(2) * 1.5 - 0.25, rand(2) * 4 - 2], rand(2)),
        "simcc": lambda: ([rand(12) * 3, rand(10) * 3], (rand(12), rand(10))),
        "density": lambda: ([rand(6, 5) * 3], rand(6, 5)),
    }[kind]()
    return [each.requires_grad_() for each in raw], target


def output_of(kind, raw):
    if kind == "rle":
        return torch.cat((raw[0], raw[1].sigmoid()), -1)
    if kind == "density":
        return raw[0].flatten(2).softmax(-1).view_as(raw[0])
    return tuple(raw) if len(raw) > 1 else raw[0]


def zeros_like(target):
    return tuple(map(torch.zeros_like, target)) if isinstance(target, tuple) else torch.zeros_like(target)


def single(value):
    return tuple(map(single, value)) if isinstance(value, tuple) else value.float()


def gradients(raw):
    return torch.cat([each.grad.flatten(2) for each in raw], -1)


@pytest.mark.parametrize(("name", "kind"), CASES)
class TestEveryLoss:
    def test_equals_a_slow_loop(self, name, kind):
        raw, target = raw_and_target(kind)
        output = output_of(kind, raw)
        weight = torch.ones(2, 4, 1)
        weight[0, 1], weight[1, 3] = 0, 0
        expected = slow(name, kind, output, target, weight)
        assert build_plain(name)(output, target, weight).item() == pytest.approx(expected, rel=1e-4)
        assert build_plain(name, loss_weight=3.0)(output, target, weight).item() == pytest.approx(
            3 * expected, rel=1e-4
        )

    def test_without_target_weight_all_keypoints_count(self, name, kind):
        raw, target = raw_and_target(kind)
        output = output_of(kind, raw)
        loss = build_plain(name, use_target_weight=False)
        expected = slow(name, kind, output, target, torch.ones(2, 4))
        assert loss(output, target, torch.zeros(2, 4, 1)).item() == pytest.approx(expected, rel=1e-4)
        assert loss(output, target).item() == pytest.approx(expected, rel=1e-4)

    def test_invisible_keypoints_have_no_gradient(self, name, kind):
        raw, target = raw_and_target(kind)
        if name == "OKSLoss":  # which does not see far keypoints
            raw[0].data = target + 0.03
        weight = torch.ones(2, 4, 1)
        weight[0, 1] = 0
        build(name)(output_of(kind, raw), target, weight).backward()
        assert gradients(raw)[0, 1].abs().sum() == 0
        assert gradients(raw)[0, 0].abs().sum() > 0

    def test_no_visible_keypoint_gives_zero_with_a_graph(self, name, kind):
        raw, target = raw_and_target(kind)
        loss = build(name)
        value = loss(output_of(kind, raw), zeros_like(target), torch.zeros(2, 4, 1))
        value.backward()
        assert value.item() == 0
        assert gradients(raw).abs().sum() == 0
        assert all(parameter.grad.abs().sum() == 0 for parameter in loss.parameters())

    def test_wild_outputs_have_finite_gradients(self, name, kind):
        raw, target = raw_and_target(kind)
        for each in raw:
            each.data = (each.data - each.data.mean()) * 1e4
        loss = build(name)
        value = loss(output_of(kind, raw), target, torch.ones(2, 4, 1))
        value.backward()
        assert value.isfinite()
        assert gradients(raw).isfinite().all()
        assert all(parameter.grad.isfinite().all() for parameter in loss.parameters())

    @pytest.mark.parametrize("seen", [0, 1])
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_the_value_of_single(self, name, kind, dtype, seen):
        raw, target = raw_and_target(kind)
        raw = [each.detach().to(dtype).requires_grad_() for each in raw]
        halved = tuple(each.to(dtype) for each in target) if isinstance(target, tuple) else target.to(dtype)
        output, weight = output_of(kind, raw), torch.full((2, 4, 1), seen, dtype=dtype)
        loss = build(name)
        value = loss(output, halved, weight)
        value.backward()
        assert value.item() == loss(*map(single, (output, halved, weight))).item()
        assert value.isfinite()
        assert gradients(raw).isfinite().all()

    def test_works_on_meta(self, name, kind):
        raw, target = raw_and_target(kind, "meta")
        value = build(name).to("meta")(output_of(kind, raw), target, torch.ones(2, 4, 1, device="meta"))
        value.backward()
        assert value.shape == ()

    def test_descent_finds_the_target(self, name, kind):
        raw, target = raw_and_target(kind)
        if name == "OKSLoss":  # which does not see far keypoints
            raw[0].data = target + 0.03
        loss = build(name)
        optimizer = torch.optim.Adam(raw, lr=0.05 if kind in ("coordinates", "rle") else 0.2)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.001, total_iters=100)
        for _ in range(100):
            optimizer.zero_grad()
            loss(output_of(kind, raw), target, torch.ones(2, 4, 1)).backward()
            optimizer.step()
            schedule.step()
        output = output_of(kind, raw)
        if name == "BoneLoss":
            assert loss(output, target).item() < 0.01
        else:
            assert found(kind, getattr(loss, "activate", lambda value: value)(output), target)


def found(kind, output, target):
    """Whether an output shows what the target does: the same place, that is, and its height where it is one."""
    if kind == "simcc":
        return all(torch.equal(o.argmax(-1), t.argmax(-1)) for o, t in zip(output, target, strict=True))
    if kind in ("heatmap", "density"):
        return torch.equal(output.flatten(2).argmax(-1), target.flatten(2).argmax(-1))
    return torch.allclose(output[..., :2] if kind == "rle" else output, target, atol=0.02)
