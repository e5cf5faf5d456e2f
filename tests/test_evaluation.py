"""A model folder's figures come out again, in the number format of its training."""

import json

import pytest
import torch

from raypose import Space, evaluation
from raypose.evaluation import evaluate
from raypose.training import checkpoints, settled
from raypose.training.run import Run
from raypose.trial import train

TRAINING = """\
name: evaluated
data:
  train: {type: SyntheticPeople, num_images: 8}
  val: {split: 0.25}
  input_size: [64, 64]
model:
  backbone: {type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: 8, stage_blocks: 1}
  keypoint_head: {type: HeatmapHead}
optimizer: {type: AdamW, lr: 1e-3}
training: {epochs: 1, batch_size: 2}
tune: {metric: EPE}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a training that measured bf16 as the fastest."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "config.yaml").write_text(TRAINING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYPOSE_CACHE", str(folder / "cache"))
        patch.setattr(settled, "formats", lambda device: ("fp32", "bf16"))
        patch.setattr(settled, "fastest", lambda *_: ("bf16", 2.0))
        train(Space.parse(TRAINING).default(), Run(seed=0, dir=folder, report=lambda *_: None))
    return folder


def test_the_format_is_the_trainings_where_the_device_is_made_for_it(trained, monkeypatch):
    assert checkpoints.load(trained / "weights.pt")["meta"]["precision"] == "bf16"
    told = json.loads((trained / "metrics.json").read_text())
    losses = {}
    for formats in (("fp32", "bf16"), ("fp32",)):
        monkeypatch.setattr(evaluation, "formats", lambda device, formats=formats: formats)
        losses[formats] = evaluate(trained).metrics["loss"]
    assert losses["fp32", "bf16"] == pytest.approx(told["loss"], rel=1e-6)
    assert abs(losses[("fp32",)] - told["loss"]) > 1e-6 * told["loss"]


@pytest.mark.parametrize(
    ("wanted", "trained_in", "expected"),
    [("auto", "fp32", "fp32"), ("auto", None, "fp32"), ("auto", "fp16", "fp32"), ("fp16", "bf16", "fp16")],
)
def test_what_else_is_taken(wanted, trained_in, expected):
    assert evaluation._precision(wanted, trained_in, "cpu").name == expected


def test_the_weights_are_read_as_before_they_said_so(trained, tmp_path):
    saved = checkpoints.load(trained / "weights.pt")
    del saved["meta"]["precision"]
    (tmp_path / "config.yaml").write_text(TRAINING)
    checkpoints.save(saved, tmp_path / "weights.pt")
    assert torch.isfinite(torch.tensor(evaluate(tmp_path).metrics["loss"]))
