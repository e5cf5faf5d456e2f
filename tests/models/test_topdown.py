from __future__ import annotations

import pytest
import torch
from torch import nn

from raypose import HEADS, RayPoseError
from raypose.codecs import IntegralRegressionLabel, MSRAHeatmap, RegressionLabel, SimCCLabel, UDPHeatmap
from raypose.kinds import KINDS
from raypose.models.builder import build_model
from raypose.models.losses import (
    CombinedTargetMSELoss,
    JointsMSELoss,
    KLDiscretLoss,
    L1Loss,
    RLELoss,
    SpatialCrossEntropyLoss,
)
from raypose.models.topdown import TopDown

INPUT = (64, 64)
POINTS = torch.tensor([[[10.0, 20.0], [40.0, 22.0], [30.0, 50.0]]])
ONES = torch.ones(1, 3)
MAP = (3, 16, 16)
# Of each kind: a codec, a loss, the output's shape, and the output that the codec's targets are those of.
KNOWN = {
    "heatmap": (MSRAHeatmap(INPUT), JointsMSELoss(), MAP, lambda target: target),
    "combined": (UDPHeatmap(INPUT, "combined"), CombinedTargetMSELoss(), (3, 3, 16, 16), lambda target: target),
    "coordinates": (IntegralRegressionLabel(INPUT), L1Loss(), (3, 2), lambda target: target),
    "rle": (RegressionLabel(INPUT), RLELoss(), (3, 4), lambda target: torch.cat((target, target * 0 + 0.1), -1)),
    "simcc": (
        SimCCLabel(INPUT),
        KLDiscretLoss(),
        ((3, 128), (3, 128)),
        lambda target: tuple((part + 1e-9).log() for part in target),
    ),
    "coordinates+density": (IntegralRegressionLabel(INPUT), L1Loss(), ((3, 2), MAP), lambda target: target),
}


def test_every_kind_is_known_here():
    assert KNOWN.keys() == KINDS.keys()


class Pass(nn.Module):
    """A backbone that gives the image."""

    def forward(self, img):
        return (img,)


class Answer(nn.Module):
    """A head that knows the keypoints: it finds the image mirrored where its first pixel is dark."""

    def __init__(self, kind):
        super().__init__()
        self.output = kind
        self.codec, self.loss_keypoint, self.shape, self.answer = KNOWN[kind]

    def forward(self, x):
        mirrored = torch.stack((INPUT[0] - 1 - POINTS[..., 0], POINTS[..., 1]), -1)[:, [1, 0, 2]]
        return self.answer(self.codec.encode(mirrored if x[0, 0, 0, 0] == 0 else POINTS, ONES, self.shape)[0])


class Unusual(MSRAHeatmap):
    output = "something"


@pytest.fixture
def image():
    image = torch.zeros(1, 3, 64, 64)
    image[..., :32] = 1
    return image


@pytest.mark.parametrize("kind", list(KNOWN))
def test_the_flip_test_agrees_with_a_head_that_is_right_both_times(kind, image):
    model = TopDown(Pass(), Answer(kind)).eval()
    torch.testing.assert_close(model.predict(image, flip_pairs=[(0, 1)]), model.predict(image), atol=1e-3, rtol=0)
    wrong, _ = model.predict(image, flip_pairs=[])
    assert (wrong - POINTS)[:, :2].abs().max() > 5


def test_the_flip_test_needs_a_kind_of_output_that_it_can_mirror(image):
    head = Answer("heatmap")
    head.output = "something"
    head.codec = Unusual(INPUT)
    with pytest.raises(RayPoseError, match="can't mirror an output of kind 'something'"):
        TopDown(Pass(), head).predict(image, flip_pairs=[(0, 1)])


@pytest.mark.parametrize("kind", ["heatmap", "combined"])
def test_shift_heatmap_is_mmposes(kind, image, monkeypatch):
    """heatmap[..., 1:] = heatmap[..., :-1] of the mirrored image's, mirrored back."""
    model = TopDown(Pass(), Answer(kind)).eval()
    seen = []
    monkeypatch.setattr(model.codec, "decode", lambda output: seen.append(output) or (output, output))
    model.predict(image)
    straight = seen.pop().numpy()
    model.evaluate(image, POINTS, ONES, flip_pairs=[(0, 1)], shift_heatmap=True)
    model.predict(image, [(0, 1)], shift_heatmap=True)
    back = straight.copy()  # the head is right both times
    back[..., 1:] = straight[..., :-1]
    for each in seen:
        torch.testing.assert_close(each.numpy(), (straight + back) / 2, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["coordinates", "simcc", "rle"])
def test_shift_heatmap_needs_heatmaps(kind, image):
    with pytest.raises(RayPoseError, match=f"shift_heatmap needs heatmaps, but the output is of kind '{kind}'"):
        TopDown(Pass(), Answer(kind)).predict(image, [(0, 1)], shift_heatmap=True)


@pytest.mark.parametrize("head", list(HEADS))
def test_evaluate_is_loss_and_predict(head):
    backbone = {"type": "HourglassNet", "num_stacks": 2, "downsample_times": 2, "feat_channel": 16, "stage_blocks": 1}
    model = build_model({"backbone": backbone, "keypoint_head": {"type": head}}, 3, INPUT).eval()
    truth = (POINTS.expand(2, 3, 2), torch.ones(2, 3))
    img = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for pairs in (None, [(0, 1)]):
        losses, *prediction = model.evaluate(img, *truth, flip_pairs=pairs)
        torch.testing.assert_close(losses["loss"], model.loss(img, *truth)["loss"].detach())
        torch.testing.assert_close(tuple(prediction), model.predict(img, pairs))


def test_the_loss_of_stages_is_their_mean():
    backbone = {"type": "HourglassNet", "num_stacks": 3, "downsample_times": 1, "feat_channel": 8, "stage_blocks": 1}
    cfg = {"backbone": backbone, "keypoint_head": {"type": "TopdownHeatmapMultiStageHead"}}
    model = build_model(cfg, 3, INPUT).eval()
    img = torch.randn(1, 3, 64, 64)
    losses = model.loss(img, POINTS, ONES)
    target, weight = model.codec.encode(POINTS, ONES, (3, 16, 16))
    each = [JointsMSELoss()(stage, target, weight) for stage in model(img)]
    assert [losses[f"loss_{i}"].item() for i in (1, 2, 3)] == pytest.approx([e.item() for e in each])
    assert losses["loss"].item() == pytest.approx(sum(e.item() for e in each) / 3)
    decoded, _ = model.predict(img)
    torch.testing.assert_close(decoded, model.codec.decode(model(img)[-1])[0])


def test_activate_comes_before_decode(image):
    head = Answer("heatmap")
    head.loss_keypoint = SpatialCrossEntropyLoss(target_sigma=2.0)
    model = TopDown(Pass(), head)
    _, scores = model.predict(image)
    expected = head.loss_keypoint.activate(head(image)).flatten(2).amax(-1)
    torch.testing.assert_close(scores, expected)


def test_the_loss_is_computed_in_float32_under_autocast():
    backbone = {"type": "HourglassNet", "num_stacks": 1, "downsample_times": 1, "feat_channel": 16, "stage_blocks": 1}
    cfg = {"backbone": backbone, "keypoint_head": {"type": "HeatmapHead"}}
    model = build_model(cfg, 3, INPUT).eval()
    seen = []
    model.loss_keypoint.register_forward_pre_hook(lambda _, args: seen.extend(a.dtype for a in args))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(torch.randn(1, 3, 64, 64)).dtype == torch.bfloat16
        loss, keypoints, scores = model.evaluate(torch.randn(1, 3, 64, 64), POINTS, ONES)
    assert {*seen, loss["loss"].dtype, keypoints.dtype, scores.dtype} == {torch.float32}


def test_a_head_without_codec_and_loss_is_given_the_models():
    codec, loss, *_ = KNOWN["heatmap"]
    model = TopDown(Pass(), nn.Conv2d(3, 3, 1), codec=codec, loss_keypoint=loss)
    assert model.codec is codec
    assert model.loss_keypoint is loss
    assert TopDown(Pass(), Answer("coordinates"), codec=codec).codec is KNOWN["coordinates"][0]
