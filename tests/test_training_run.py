"""`raypose train` of a model folder does again what the trial did, and says how both compare."""

import contextlib
import json
import re
import shutil

import pytest

import raypose
from raypose import model_folder
from raypose.config import Goal
from raypose.reproduced import Reproduced
from raypose.space import Space
from raypose.training import checkpoints, settled
from raypose.training.run import Run
from raypose.training.trial_folder import TrialFolder, read_meta, read_metrics
from raypose.training_run import train_one
from raypose.trial import train

CONFIG = """\
name: again
seed: 31
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [32, 32]
model:
  backbone: {{type: HourglassNet, num_stacks: 1, downsample_times: 1, feat_channel: 8, stage_blocks: 1}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: 0.01}}
training: {{epochs: 4, batch_size: 2, ema: 0.9, lr_schedule: {{type: CosineAnnealingLR}}}}
tune: {{metric: {metric}}}
"""
TIMES = ("samples_per_second", "gpu_memory")


class Stopped(Exception):
    """As a worker's trial leaves `report` when it is stopped early."""


@pytest.fixture
def make(tiny_coco, tmp_path, monkeypatch):
    """`make(metric, epochs)` -> the folder of a trial that was stopped after so many epochs, trained in bf16."""
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(settled, "formats", lambda device: ("fp32", "bf16"))
    monkeypatch.setattr(settled, "fastest", lambda *_: ("bf16", 2.0))
    monkeypatch.chdir(tmp_path)

    def trial(metric="EPE", epochs=4):
        folder = TrialFolder(tmp_path / "experiment" / "trials" / "0007")
        text = CONFIG.format(metric=metric, ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix)
        folder.open(text, {"number": 7, "seed": 31})

        def report(epoch, values):
            folder.record(epoch, values)
            if epoch == epochs < 4:
                raise Stopped

        with contextlib.suppress(Stopped):
            train(Space.parse(text).config(), Run(seed=31, dir=folder.path, report=report, threads=1))
        folder.close("COMPLETE")
        return folder.path

    return trial


def compared(folder):
    """Its epochs without what depends on the machine's load."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in read_metrics(folder)]


def test_a_model_folder_far_from_its_experiment_is_trained_as_the_trial_was(make, tmp_path, monkeypatch, capsys):
    trial = make()
    model_folder.publish(trial, tmp_path / "elsewhere" / "best")
    before = compared(trial)
    shutil.rmtree(tmp_path / "experiment")
    # On its own it would find another format here, and take other threads.
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(settled, "fastest", lambda *_: ("fp32", 1.0))
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    assert train_one(tmp_path / "elsewhere" / "best", tmp_path / "again") == 0
    assert compared(tmp_path / "again") == before  # to the last digit
    meta = read_meta(tmp_path / "again")
    assert (meta["precision"], meta["threads"], meta["seed"]) == ("bf16", 1, 31)
    assert checkpoints.load(tmp_path / "again" / "weights.pt")["meta"]["threads"] == 1
    best = json.loads((tmp_path / "again" / "metrics.json").read_text())
    told = capsys.readouterr().out
    (line,) = re.findall(r"^EPE .*$", told, re.M)
    assert line.startswith(f"EPE {best['EPE']:.4g}")
    assert f"(the model had {best['EPE']:.4g})" in line
    assert "to the last digit" not in told
    assert "next: raypose evaluate" in told


def test_a_trial_that_lost_its_weights_is_trained_again(make, tmp_path, capsys):
    trial = make()
    before = compared(trial)
    (trial / "weights.pt").unlink()
    train_one(trial / "config.yaml", tmp_path / "again")
    assert compared(tmp_path / "again") == before
    assert re.search(r"\(the trial had \d", capsys.readouterr().out)
    assert read_meta(tmp_path / "again")["precision"] == "bf16"


def test_a_trial_that_was_stopped_early_is_compared_where_it_was_stopped(make, tmp_path, capsys):
    trial = make(epochs=2)
    had = json.loads((trial / "metrics.json").read_text())
    train_one(trial, tmp_path / "again")
    assert compared(tmp_path / "again")[: len(compared(trial))] == compared(trial)
    told = capsys.readouterr().out
    assert f"(the trial had {had['EPE']:.4g})" in told
    assert "to the last digit" not in told


def test_a_changed_training_is_not_compared(make, tmp_path, capsys):
    trial = make()
    train_one(trial, tmp_path / "a", overrides=["optimizer.lr=0.02", "training.epochs=1"])
    train_one(trial, tmp_path / "b", epochs=1)
    assert "had" not in capsys.readouterr().out
    assert read_meta(tmp_path / "b")["precision"] == "bf16"


def test_what_went_on_from_others_is_said_so(make, tmp_path, monkeypatch, capsys):
    trial = make(epochs=1)
    (trial / "lineage.jsonl").write_text('{"epoch": 2, "from": 3}\n')
    model_folder.publish(trial, tmp_path / "best")
    monkeypatch.setattr("raypose.trial.train", lambda *args: None)
    train_one(tmp_path / "best", tmp_path / "again")
    assert "no single training comes to the same" in capsys.readouterr().out


def test_what_is_told_of_a_comparison():
    goals = [Goal("AP", "max"), Goal("flops", "min")]
    known = Reproduced({"trial": 3, "epoch": 2, "AP": 0.63124})
    rows = [{"epoch": 1, "AP": 0.2}, {"epoch": 2, "AP": 0.63124}, {"epoch": 3, "AP": 0.7}]
    assert known.lines(goals, rows[:2], rows[1]) == ["AP 0.6312 (the trial had 0.6312)"]
    first, second = known.lines(goals, rows, rows[2])
    assert first == "AP 0.6312 after epoch 2 (the trial had 0.6312)"
    assert second.startswith("AP 0.7 after epoch 3, the best one of this longer training")
    other = [{**rows[0]}, {"epoch": 2, "AP": 0.63125}]
    assert known.lines(goals, other, other[1])[1].startswith(
        "to the last digit it is the same only with the same device"
    )
    assert known.lines(goals, rows[:1], rows[0]) == []
    assert Reproduced().lines(goals, rows, rows[2]) == []
    assert Reproduced({"epoch": 1, "AP": 0.2}).lines(goals, rows[:1], rows[0]) == ["AP 0.2 (the model had 0.2)"]


def test_another_yaml_file_in_a_folder_with_a_model_knows_nothing_of_it(tmp_path):
    (tmp_path / "metrics.json").write_text('{"AP": 1, "epoch": 1}')
    (tmp_path / "mine.yaml").touch()
    assert Reproduced.read(tmp_path / "mine.yaml") == Reproduced()
    assert Reproduced.read(tmp_path).metrics == {"AP": 1, "epoch": 1}


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_the_best_of_a_real_search(tiny_coco, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "cache"))
    text = CONFIG.format(metric="EPE", ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix)
    text = text.replace("lr: 0.01", "lr: {loguniform: [0.001, 0.01]}").replace("tune: {", "tune: {num_trials: 2, ")
    (tmp_path / "search.yaml").write_text(text)
    raypose.tune(tmp_path / "search.yaml", experiments=tmp_path)
    best = tmp_path / "again" / "best"
    had = json.loads((best / "metrics.json").read_text())
    capsys.readouterr()
    train_one(best, tmp_path / "trained")
    assert f"(the trial had {had['EPE']:.4g})" in capsys.readouterr().out
    again = json.loads((tmp_path / "trained" / "metrics.json").read_text())
    same = {name for name in had if name not in (*TIMES, "trial")}
    assert {name: again[name] for name in same} == {name: had[name] for name in same}
