"""docs/reports.md: its commands and blocks run, one after the other, on an experiment like that of its reader."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import click
import cv2
import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from raypose import cli
from raypose.config import Tune, read
from raypose.space import Space
from raypose.training.run import Run
from raypose.training.trial_folder import TrialFolder
from raypose.trial import train
from raypose.tuning.curves import STATES
from raypose.tuning.search_state import SearchState

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "reports.md").read_text()
SPACE = """
name: quickstart
data:
  train: &mice {type: CocoKeypoints, ann_file: annotations.json, img_prefix: images}
  val: *mice
  test: *mice
  input_size: [32, 32]
  store: false
model:
  backbone: {type: HourglassNet, num_stacks: 1, downsample_times: 1, feat_channel: 8, stage_blocks: 1}
  keypoint_head: {type: HeatmapHead, num_deconv_layers: 0}
optimizer: {choice: [{type: AdamW, lr: {loguniform: [1e-3, 1e-2]}}, {type: SGD, lr: 0.01}]}
training: {epochs: 1, batch_size: 3, precision: fp32, metrics: [{type: CocoAP}]}
tune: {metric: AP, num_trials: 3, scheduler: null}
"""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


LINES = [line.split(" #")[0].strip() for block in blocks("bash") for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("raypose ")]


def search(space, folder):
    """As a search does it, but for Ray."""
    config = space.default()
    (folder / "trials").mkdir(parents=True)
    (folder / "space.yaml").write_text(space.text)
    state = SearchState(space, folder, read(Tune, config["tune"]), seed=0, pruner=optuna.pruners.NopPruner())
    while task := state.next_task():
        trial = TrialFolder(state.files.path(task.number))
        trial.open(task.text, task.meta, hparams=task.params, objectives={"AP": "max"})

        def report(epoch, metrics, trial=trial, number=task.number):
            trial.record(epoch, metrics)
            state.report(number, epoch, metrics)

        train(Space.parse(task.text).config(), Run(seed=task.meta["seed"], dir=trial.path, report=report))
        trial.close("COMPLETE")
        state.finish(task.number, TrialState.COMPLETE)


@pytest.fixture(scope="module")
def reader(tmp_path_factory, tiny_coco_in):
    """The reader's folder: an experiment, and files of other data."""
    folder = tmp_path_factory.mktemp("reader")
    tiny = tiny_coco_in(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(click, "launch", lambda address: 0)
        search(Space.parse(SPACE), Path("experiments/quickstart"))
        shutil.copy("annotations.json", "other.json")
        shutil.copytree("images", "other")
        picture = cv2.imread(str(next(Path("images").rglob("*.png"))))
        cv2.imwrite("frame.jpg", picture)
        cv2.imwrite("other.jpg", picture)
        found = [
            {"image_id": each["image_id"], "bbox": each["bbox"], "score": 0.9} for each in tiny.content["annotations"]
        ]
        names = {each["id"]: each["file_name"] for each in tiny.content["images"]}
        Path("boxes.json").write_text(
            json.dumps([{**each, "file_name": names[each.pop("image_id")]} for each in found])
        )
        yield folder


@pytest.fixture
def here(reader, monkeypatch):
    monkeypatch.chdir(reader)


def run(command):
    with pytest.raises(SystemExit) as end:
        cli.main(shlex.split(command)[1:])
    assert not end.value.code, command


@pytest.mark.usefixtures("here")
def test_the_commands(capsys):
    told = {}
    for command in COMMANDS:
        if "--png" not in command:  # takes seconds, and has tests of its own
            run(command)
            told[command] = capsys.readouterr().out
    assert len(told) >= 15
    heading = next(
        line for line in told["raypose watch experiments/quickstart --once"].splitlines() if "configuration" in line
    )
    assert {*heading.split()} <= {*blocks("text")[0].split()}
    assert Path("people/README.md").exists()
    assert Path("experiments/quickstart/report.html").stat().st_size > 500_000
    assert "the trial had" in told["raypose train people"]
    assert {"nose", "left_hand"} <= {*told["raypose evaluate people --per-keypoint"].split()}
    assert len(json.loads(Path("found/predictions.json").read_text())) == 2
    assert "6 instances in 6 images" in told["raypose predict people images --boxes boxes.json --no-images"]


@pytest.mark.usefixtures("here")
def test_python_gives_what_is_said():
    assert len(blocks("python")) == 3
    known = {}
    run("raypose best experiments/quickstart --to people --force")
    for block in blocks("python"):
        exec(compile(block.replace(', png="figures"', ""), "docs/reports.md", "exec"), known)
    told = {*re.findall(r"`(\w+)`", TEXT[TEXT.index("Both are pandas") : TEXT.index("## The best model")])}
    assert {"state", "epochs", "seconds", "reason"} <= {*known["trials"].columns} & told
    assert {"AP", "optimizer", "optimizer.AdamW.lr"} <= {*known["trials"].columns}
    assert {"trial", "epoch", "loss", "AP"} <= {*known["curves"].columns}
    assert (known["keypoints"].shape, known["scores"].shape) == ((1, 3, 2), (1, 3))
    assert known["keypoints"].dtype == np.float32
    (many,) = known["model"].predict_many(["frame.jpg"], [[[12, 30, 140, 260]]])
    np.testing.assert_allclose(many.keypoints, known["keypoints"], atol=1e-3)
    assert known["model"].info.names == ("nose", "left_hand", "right_hand")


def test_names_are_those_of_the_code():
    assert [tag for tag in STATES.values() if f"`{tag}`" not in TEXT] == []
    assert [line for line in LINES if line.startswith("raypose") and line not in COMMANDS] == []
    options = re.findall(r"`(--[\w-]+)", TEXT)
    known = {name for command in cli.COMMANDS for name in names_of(command)} | {"--logdir"}
    assert [each for each in options if each not in known] == []
    assert {"tensorboard", "optuna-dashboard", "pip", "raypose"} == {line.split()[0] for line in LINES}


def names_of(command):
    return [
        name for each in cli.raypose.get_command(None, command).params for name in (*each.opts, *each.secondary_opts)
    ]
