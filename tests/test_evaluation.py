"""A model folder's figures come out again, in the number format of its training."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from raypose import Space, evaluation, metrics
from raypose.data import SyntheticPeople
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
    assert evaluation.precision_of(wanted, trained_in, "cpu").name == expected


def test_the_weights_are_read_as_before_they_said_so(trained, tmp_path):
    saved = checkpoints.load(trained / "weights.pt")
    del saved["meta"]["precision"]
    (tmp_path / "config.yaml").write_text(TRAINING)
    checkpoints.save(saved, tmp_path / "weights.pt")
    assert torch.isfinite(torch.tensor(evaluate(tmp_path).metrics["loss"]))


def test_every_metric_that_the_dataset_allows(trained):
    configured, every = evaluate(trained, per_keypoint=True), evaluate(trained, per_keypoint=True, every=True)
    assert {**every.metrics, **configured.metrics} == pytest.approx(every.metrics)  # the same figures
    added = every.metrics.keys() - configured.metrics.keys()
    assert {"AUC", "NME", "AR50", "AR75"} <= added
    assert not added & {"PCKh", "AP_easy"}  # no heads, no crowds
    assert all(value == value for name, value in every.metrics.items() if name in added), (
        "NaN of sizes that are not there"
    )
    assert list(configured.per_keypoint) == ["AP", "PCK", "EPE"]
    assert list(every.per_keypoint)[:3] == ["AP", "PCK", "EPE"]
    assert {"AUC", "NME"} <= every.per_keypoint.keys()
    assert every.per_keypoint["EPE"] == pytest.approx(configured.per_keypoint["EPE"])


def test_details_are_those_of_the_configured_metric_and_no_name_comes_twice():
    table = SyntheticPeople(num_images=2)
    configured = [{"type": "CocoAP", "nms_mode": "oks_nms"}, {"type": "PCK", "name": "PCK@0.1", "threshold": 0.1}]
    found = metrics.beyond(configured, table)
    assert found[0] == {"type": "CocoAP", "nms_mode": "oks_nms", "details": True}
    assert [each["type"] for each in found[1:]] == ["AUC", "EPE", "NME"]
    assert {"type": "PCKh"} in metrics.beyond([], replace(table, head_size=np.full(len(table), 9.0)))
    assert metrics.with_more({"EPE": 1.0}, [{"type": "a"}, {"type": "b"}], lambda cfg: {"EPE": 2.0, cfg["type"]: 3.0}) == {
        "EPE": 1.0, "a": 3.0, "b": 3.0,
    }  # fmt: skip


def test_a_metric_that_fails_and_was_not_asked_for_keeps_none_from_the_others(caplog):
    def measure(cfg):
        return {"a": 1.0} if cfg["type"] == "a" else {}["missing"]

    assert metrics.with_more({}, [{"type": "broken"}, {"type": "a"}], measure) == {"a": 1.0}
    assert "broken cannot be measured here" in caplog.text
