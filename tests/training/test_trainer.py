"""A training that is resumed ends like one that never stopped; errors of a training are told."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from raypose.training.callbacks import KeepBest
from raypose.training.checkpoints import load, newest
from raypose.training.precision import Precision
from raypose.training.run import Run
from raypose.training.speed import SPEED
from raypose.trial import train

CONFIG = {
    "data": {"input_size": [64, 64], "augment": {"rotation": 20, "flip": 0.5, "half_body": 0.0, "color": 0.2}},
    "model": {
        "backbone": {
            "type": "HourglassNet",
            "num_stacks": 1,
            "downsample_times": 2,
            "feat_channel": 8,
            "stage_blocks": 1,
        },
        "keypoint_head": {"type": "HeatmapHead", "num_deconv_layers": 0},
        "loss_keypoint": {"type": "SpatialCrossEntropyLoss"},
    },
    "optimizer": {"type": "AdamW", "lr": 5e-3},
    "training": {"epochs": 4, "batch_size": 2, "lr_schedule": {"type": "CosineAnnealingLR", "warmup": 0.1}},
}
COCKTAIL = {
    "constructor": "CocktailOptimizerConstructor",
    "backbone": {"type": "SGD", "lr": 0.01, "momentum": 0.9},
    "keypoint_head": {"type": "Adam", "lr": 1e-3},
}


class Stop(Exception):
    pass


def configuration(tiny_coco, **training):
    config = copy.deepcopy(CONFIG)
    config["data"] |= {"train": tiny_coco.cfg, "val": tiny_coco.cfg}
    config["training"] |= training
    return config


def run(folder: Path, stop_after=None, checkpoint=None):
    rows = []

    def report(epoch, metrics):
        rows.append({"epoch": epoch, **metrics})
        if epoch == stop_after:
            raise Stop

    folder.mkdir(exist_ok=True)
    return Run(seed=3, dir=folder, report=report, checkpoint=checkpoint), rows


def last_state(folder):
    state = load(newest(folder / "checkpoints"))
    return {**state, "metrics": timeless(state["metrics"])}


def timeless(metrics):
    return {name: value for name, value in metrics.items() if name not in SPEED}


def kept(folder):
    return json.loads((folder / "metrics.json").read_text())


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize(
    ("training", "optimizer"),
    [
        ({}, None),
        ({"ema": 0.9, "grad_clip": 1.0}, None),
        ({"precision": "bf16", "ema": 0.9}, None),
        ({"lr_schedule": {"type": "OneCycleLR", "max_lr": 0.01, "cycle_momentum": False}}, COCKTAIL),
    ],
)
def test_resumed_is_never_interrupted(tmp_path, tiny_coco, training, optimizer):
    config = configuration(tiny_coco, **training)
    config["optimizer"] = optimizer or config["optimizer"]
    whole, whole_rows = run(tmp_path / "whole")
    train(config, whole)

    first, first_rows = run(tmp_path / "parts", stop_after=3)
    with pytest.raises(Stop):
        train(config, first)
    checkpoint = newest(first.dir / "checkpoints")
    assert checkpoint.name == "epoch_0003.pt"  # whose report was not taken: it is made again
    interrupted = load(checkpoint)
    second, second_rows = run(tmp_path / "parts", checkpoint=checkpoint)
    train(config, second)

    assert same(last_state(whole.dir), last_state(second.dir))
    assert [*map(timeless, first_rows[:2] + second_rows)] == [*map(timeless, whole_rows)]
    assert second_rows[0] == first_rows[2]  # told again as it was measured
    assert timeless(kept(whole.dir)) == timeless(kept(second.dir))
    assert not same(last_state(whole.dir)["model"], interrupted["model"])


def test_a_trial_leaves_a_model_folder_that_evaluates_the_same(tmp_path, tiny_coco):
    from raypose.evaluation import evaluate
    from raypose.space import dump

    config = {"name": "tiny", **configuration(tiny_coco, precision="fp32")}
    this, rows = run(tmp_path / "out")
    train(config, this)
    (this.dir / "config.yaml").write_text(dump(config))
    metrics, predictions, _ = evaluate(this.dir)
    best = max(rows, key=lambda row: row["AP"])
    told = kept(this.dir)
    assert told["epoch"] == best["epoch"]
    for name in ("AP", "EPE", "PCK", "loss"):
        assert metrics[name] == pytest.approx(told[name], abs=1e-5), name
    assert predictions == json.loads((this.dir / "predictions.json").read_text())


def test_metrics_are_plain_floats(tmp_path, tiny_coco):
    this, rows = run(tmp_path / "out")
    train(configuration(tiny_coco, epochs=1), this)
    assert {"AP", "AP50", "AP75", "AR", "PCK", "EPE", "loss", "train_loss", "lr"} <= rows[0].keys()
    assert all(type(value) in (float, int) for value in rows[0].values()), rows[0]
    assert rows[0]["samples_per_second"] > 0
    assert "gpu_memory" not in rows[0]  # there is no GPU


def test_a_trial_trains_in_the_format_that_it_began_with(tmp_path, tiny_coco, monkeypatch):
    from raypose import trial

    monkeypatch.setattr("raypose.training.settled.formats", lambda device: ("fp32", "bf16"))
    monkeypatch.setattr("raypose.training.settled.fastest", lambda names, timer: ("bf16", 2.0))
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "cache"))
    used = []
    monkeypatch.setattr(trial, "Precision", lambda *given: used.append(given) or Precision(*given))
    this, _ = run(tmp_path / "out")
    train(configuration(tiny_coco, epochs=1), this)
    assert json.loads((this.dir / "meta.json").read_text())["precision"] == "bf16"
    assert (tmp_path / "cache" / "precision.json").exists()

    monkeypatch.setattr("raypose.training.settled.fastest", lambda names, timer: pytest.fail("measured again"))
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "other"))
    again, _ = run(this.dir, checkpoint=newest(this.dir / "checkpoints"))
    train(configuration(tiny_coco, epochs=2), again)
    assert used == [("bf16", "cpu")] * 2


def test_a_diverging_training_says_so(tmp_path, tiny_coco):
    config = configuration(tiny_coco)
    config["optimizer"] = {"type": "SGD", "lr": 1e30}
    this, _ = run(tmp_path / "out")
    with pytest.raises(FloatingPointError, match=r"training loss became .* a lower learning rate may help"):
        train(config, this)


@pytest.mark.parametrize(("mode", "expected"), [("max", [1, 3]), ("min", [1, 2])])
def test_the_best_epoch_is_kept(mode, expected):
    class FakeTrainer:
        best_model = None

    kept = []
    callback = KeepBest("AP", mode, lambda model, epoch, metrics: kept.append(epoch))
    for epoch, value in enumerate([0.2, 0.1, 0.3, float("nan"), 0.3], 1):
        callback.on_epoch_end(FakeTrainer(), epoch, {"AP": value})
    assert kept == expected


def test_epochs_draw_from_their_own_generators(tmp_path, tiny_coco):
    seen = {}
    for seed in (1, 2):
        this, rows = run(tmp_path / str(seed))
        train(configuration(tiny_coco, epochs=1), Run(seed=seed, dir=this.dir, report=this.report))
        seen[seed] = rows[0]["train_loss"]
    assert seen[1] != seen[2]
    assert np.isfinite(list(seen.values())).all()
