"""`raypose tune` as a process: what Ctrl-C and kill -9 leave, and what a resume makes of it; the shipped searches."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from raypose.reporting.records import load_records
from raypose.space import Space
from raypose.space.traverse import as_written
from raypose.training.run import Run
from raypose.trial import train

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "search_spaces" / "quickstart.yaml"

SPACE = """\
name: interrupted
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [64, 64]
model:
  backbone: {{type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: {{choice: [8, 12]}}, stage_blocks: 1}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: {{loguniform: [1e-3, 1e-2]}}}}
training: {{epochs: 100, batch_size: 2}}
tune: {{num_trials: 4, scheduler: null}}
"""


def start(folder, *options):
    command = [sys.executable, "-m", "raypose", "tune", "space.yaml", *options]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with open(folder / "output.txt", "w") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=env, start_new_session=True)


def wait_for_epochs(folder, count, process):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "output.txt").read_text()
        rows = [path.read_text().count("\n") for path in folder.glob("experiments/*/trials/*/metrics.jsonl")]
        if sum(rows) >= count:
            return
        time.sleep(0.2)
    pytest.fail((folder / "output.txt").read_text())


# SIGTERM and SIGKILL, of scripted trials: tests/faults/test_drivers.py
@pytest.mark.parametrize("number", [signal.SIGINT])
def test_interrupted_and_resumed(tmp_path, tiny_coco, number):
    (tmp_path / "space.yaml").write_text(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
    process = start(tmp_path)
    wait_for_epochs(tmp_path, 50, process)
    sent = time.monotonic()
    os.kill(process.pid, number)
    status = process.wait(timeout=30)
    output = (tmp_path / "output.txt").read_text()
    experiment = tmp_path / "experiments" / "interrupted"
    before, _ = load_records(experiment)
    if number == signal.SIGKILL:
        assert status == -signal.SIGKILL
    else:
        assert status == 128 + number
        assert time.monotonic() - sent < 10
        assert "go on with: raypose tune space.yaml --resume" in output
    running = [record.number for record in before if record.state == "RUNNING"]
    assert running
    epochs = {record.number: record.epochs for record in before}

    resumed = start(tmp_path, "--resume")
    assert resumed.wait(timeout=240) == 0, (tmp_path / "output.txt").read_text()
    after, _ = load_records(experiment)
    assert sorted(record.number for record in after) == [0, 1, 2, 3]
    assert {record.state for record in after} == {"COMPLETE"}
    assert {record.epochs for record in after} == {100}
    known = {record.number: record for record in before}
    assert all(record.params == known[record.number].params for record in after if record.number in known)
    done = [record for record in before if record.state == "COMPLETE"]
    assert [record for record in after if record.number in {each.number for each in done}] == done
    for number in running:
        folder = experiment / "trials" / f"{number:04d}"
        rows = [json.loads(line)["epoch"] for line in (folder / "metrics.jsonl").open()]
        assert rows == list(range(1, 101))
        if epochs[number] > 2:
            assert "continuing after epoch" in (folder / "log.txt").read_text()


def search(tmp_path, file, *options):
    command = [sys.executable, "-m", "raypose", "tune", str(file), "--experiments", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return load_records(tmp_path / file.stem)[0]


def test_the_quickstart_finds_a_good_model(tmp_path):
    records = search(tmp_path, QUICKSTART)
    states = Counter(record.state for record in records)
    assert len(records) >= 12
    assert states["COMPLETE"] >= 1
    assert states["PRUNED"] >= 1
    assert states["COMPLETE"] + states["PRUNED"] == len(records)
    for dimension in ("model.backbone", "model.keypoint_head.loss_keypoint", "optimizer"):
        assert len({record.params[dimension] for record in records}) >= 2, dimension
    assert records[0].value >= 0.5
    best = tmp_path / "quickstart" / "best"
    assert json.loads((best / "metrics.json").read_text())["AP"] == pytest.approx(records[0].value)
    winner, default = Space.load(best / "config.yaml").config(), Space.load(QUICKSTART).default()
    assert on_fresh_people(winner, tmp_path / "winner") >= on_fresh_people(default, tmp_path / "default") + 0.05


def on_fresh_people(config, folder):
    """The best AP of a configuration trained and validated on people that the search has not seen."""
    for part in ("train", "val"):
        config["data"][part]["seed"] = 1
    values = []
    folder.mkdir()
    train(config, Run(seed=1, dir=folder, report=lambda epoch, metrics: values.append(metrics["AP"])))
    print(f"{folder.name}: AP {max(values):.3f} on fresh people")
    return max(values)


def test_the_mouse_search_beats_a_hand_set_net(tmp_path, data_root, monkeypatch):
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    records = search(tmp_path, ROOT / "search_spaces" / "openfield_mouse.yaml", "--num-trials", "8")
    assert records[0].state == "COMPLETE"
    assert records[0].value <= 2.5


def test_coco_as_it_is(tmp_path, data_root, monkeypatch):
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    records = search(tmp_path, ROOT / "search_spaces" / "coco_mini.yaml")
    assert {record.state for record in records} <= {"COMPLETE", "PRUNED"}
    assert any(record.state == "COMPLETE" for record in records)


def test_a_part_of_the_catalogue(tmp_path, data_root, monkeypatch):
    """Three backbones of the ten, every head, few epochs."""
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    space = as_written(Space.load(ROOT / "search_spaces" / "catalogue.yaml", expand=False).tree)
    backbones = space["model"]["backbone"]["choice"]
    small = [each for each in backbones if each["type"] in ("HourglassNet", "MobileNetV3", "Timm")]
    space["model"]["backbone"]["choice"] = small
    space["training"]["epochs"] = 4
    space["tune"] |= {"num_trials": 10, "scheduler": None}
    file = tmp_path / "catalogue.yaml"
    file.write_text(yaml.safe_dump(space, sort_keys=False))
    records = search(tmp_path, file)
    assert [record.state for record in records] == ["COMPLETE"] * 10
    for dimension in ("model.backbone", "model.keypoint_head", "optimizer"):
        assert len({record.params[dimension] for record in records}) >= 2, dimension
