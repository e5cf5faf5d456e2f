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
from raypose.space import Space, dump
from raypose.space.traverse import as_written

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
training: {{epochs: 50, batch_size: 2}}
tune: {{num_trials: 3, scheduler: null}}
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
        lines = [path.read_text().count("\n") for path in folder.glob("experiments/*/trials/*/metrics.jsonl")]
        if sum(lines) >= count:
            return
        time.sleep(0.2)
    pytest.fail((folder / "output.txt").read_text())


# SIGTERM and SIGKILL, of scripted trials: tests/faults/test_drivers.py
@pytest.mark.parametrize("number", [signal.SIGINT])
def test_interrupted_and_resumed(tmp_path, tiny_coco, number):
    (tmp_path / "space.yaml").write_text(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
    process = start(tmp_path)
    wait_for_epochs(tmp_path, 20, process)
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
    assert sorted(record.number for record in after) == [0, 1, 2]
    assert {record.state for record in after} == {"COMPLETE"}
    assert {record.epochs for record in after} == {50}
    known = {record.number: record for record in before}
    assert all(record.params == known[record.number].params for record in after if record.number in known)
    done = [record for record in before if record.state == "COMPLETE"]
    assert [record for record in after if record.number in {each.number for each in done}] == done
    for number in running:
        folder = experiment / "trials" / f"{number:04d}"
        assert [row["epoch"] for row in rows(folder)] == list(range(1, 51))
        if epochs[number] > 2:
            assert "continuing after epoch" in (folder / "log.txt").read_text()


def search(tmp_path, file, *options):
    command = [sys.executable, "-m", "raypose", "tune", str(file), "--experiments", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return load_records(tmp_path / file.stem)[0]


def test_the_quickstart_finds_a_good_model(tmp_path):
    records = search(tmp_path, QUICKSTART, "--num-trials", "12")
    states = Counter(record.state for record in records)
    assert len(records) == 12
    assert states["COMPLETE"] >= 1
    assert states["PRUNED"] >= 1
    assert states["COMPLETE"] + states["PRUNED"] == len(records)
    for dimension in ("model.backbone", "model.keypoint_head.loss_keypoint", "optimizer"):
        assert len({record.params[dimension] for record in records}) >= 2, dimension
    assert records[0].value >= 0.5
    best = tmp_path / "quickstart" / "best"
    assert json.loads((best / "metrics.json").read_text())["AP"] == pytest.approx(records[0].value)
    (tmp_path / "default.yaml").write_text(dump(Space.load(QUICKSTART).default()))
    winner, default = on_fresh_people(tmp_path, winner=best, default=tmp_path / "default.yaml")
    assert winner >= default + 0.05


def on_fresh_people(tmp_path, **sources):
    """The best AP of configurations trained at once, and validated, on people that the search has not seen."""
    fresh = [f"--set={name}=1" for name in ("seed", "data.train.seed", "data.val.seed")]
    command = [sys.executable, "-m", "raypose", "train", "--threads=1", *fresh, "--to"]  # both at once, on two cores
    trainings = [subprocess.Popen([*command, str(tmp_path / name), str(source)]) for name, source in sources.items()]
    assert [training.wait(timeout=600) for training in trainings] == [0] * len(sources)
    values = [max(row["AP"] for row in rows(tmp_path / name)) for name in sources]
    print(f"AP of {' and '.join(sources)} on fresh people: {values}")
    return values


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").open()]


def test_the_mouse_search_beats_a_hand_set_net(tmp_path, data_root, monkeypatch):
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    options = ("--num-trials", "4", "--set", "training.epochs=24")
    records = search(tmp_path, ROOT / "search_spaces" / "openfield_mouse.yaml", *options)
    assert records[0].state == "COMPLETE"
    assert records[0].value <= 2.5


def test_coco_as_it_is(tmp_path, data_root, monkeypatch):
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    options = ("--num-trials", "3", "--set", "training.epochs=2")
    records = search(tmp_path, ROOT / "search_spaces" / "coco_mini.yaml", *options)
    assert {record.state for record in records} <= {"COMPLETE", "PRUNED"}
    assert any(record.state == "COMPLETE" for record in records)


def test_a_part_of_the_catalogue(tmp_path, data_root, monkeypatch):
    """Three backbones of the ten, every head, few epochs."""
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    space = as_written(Space.load(ROOT / "search_spaces" / "catalogue.yaml", expand=False).tree)
    backbones = space["model"]["backbone"]["choice"]
    small = [each for each in backbones if each["type"] in ("HourglassNet", "MobileNetV3", "Timm")]
    space["model"]["backbone"]["choice"] = small
    space["training"]["epochs"] = 2
    space["tune"] |= {"num_trials": 6, "scheduler": None}
    file = tmp_path / "catalogue.yaml"
    file.write_text(yaml.safe_dump(space, sort_keys=False))
    records = search(tmp_path, file)
    assert [record.state for record in records] == ["COMPLETE"] * 6
    for dimension in ("model.backbone", "model.keypoint_head", "optimizer"):
        assert len({record.params[dimension] for record in records}) >= 2, dimension
