"""Crops are cut on all nodes before the first trial, once, and so that people see it."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from raypose import RayPoseError
from raypose.data.crops import cache
from raypose.reporting.records import load_records
from raypose.space import Space
from raypose.tuning.crops_of_space import space_needs
from raypose.tuning.cutting import Shown, Stopped, cut
from raypose.tuning.nodes import crops as module
from raypose.tuning.nodes.crops import cut_on_nodes
from raypose.tuning.nodes.resources import Share
from raypose.tuning.search import tune

SPACE = """\
name: crops
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: {{choice: [[32, 32], [64, 64]]}}
  augment: {{rotation: {{uniform: [0, 40]}}}}
model:
  backbone: {{type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: 8, stage_blocks: 1}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: 1e-3}}
training: {{epochs: 1, batch_size: 2}}
tune: {{metric: EPE, num_trials: 1, scheduler: null, sampler: {{type: RandomSampler}}}}
"""
PLACE = Share(1, 0.0, 2)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def space(tiny_coco):
    return Space.parse(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def lines(console):
    return console.file.getvalue().splitlines()


def never():
    return False


def test_what_is_told_where_there_is_no_terminal(space, console):
    with Shown(console) as shown:
        train, val = cut(space_needs(space), 2, shown)
    assert lines(console) == [
        "cutting the crops of data.train from 4 images ...",
        "cutting the crops of data.val from 2 images ...",
    ]
    assert str(train) == f"data.train: 4 crops, {train.size / 1e6:.0f} MB, cut in 0 s"
    assert {train.path, val.path} == {str(store.folder) for store in cache.stores()}
    with Shown(console) as shown:
        again = cut(space_needs(space), 2, shown)
    assert len(lines(console)) == 2
    assert [each.seconds for each in again] == [None, None]
    assert str(again[1]).endswith("MB, there already")


def test_a_bar_on_a_terminal(space):
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with Shown(console) as shown:
        cut(space_needs(space), 1, shown)
    written = console.file.getvalue()
    assert "cutting the crops of data.train" in written
    assert "4/4" in written


@pytest.mark.parametrize("terminal", [False, True])
def test_a_quiet_console_is_told_nothing(space, terminal):
    console = Console(file=io.StringIO(), quiet=True, force_terminal=terminal)
    with Shown(console) as shown:
        cut(space_needs(space), 1, shown)
    assert console.file.getvalue() == ""


def spoil(tiny_coco, *names):
    for name in names:
        (Path(tiny_coco.img_prefix) / name).write_bytes(b"no image")


def test_what_is_wrong_with_all_of_the_data_is_told_at_once(space, tiny_coco):
    spoil(tiny_coco, *(each["file_name"] for each in tiny_coco.content["images"]))  # of train and of val
    with pytest.raises(RayPoseError) as error:
        cut(space_needs(space), 1, lambda *progress: None)
    assert error.value.exit_status == 2
    told = [str(problem) for problem in error.value.problems]
    assert all(sum(each["file_name"] in line for line in told) == 1 for each in tiny_coco.content["images"])


def test_who_wants_them_no_more_waits_no_longer_and_nothing_is_left(space, console):
    seen = []

    def stopped():
        seen.append(1)
        return len(seen) == 3

    with pytest.raises(Stopped), Shown(console, stopped) as shown:
        cut(space_needs(space), 1, shown)
    assert len(seen) == 3
    assert cache.stores() == []
    assert [path for path in cache.crops_folder().glob("*/*") if path.name != ".lock"] == []
    with Shown(console) as shown:
        assert all(each.seconds is not None for each in cut(space_needs(space), 1, shown))


@pytest.mark.usefixtures("cluster")
class TestNodes:
    def test_this_one(self, space, console):
        cut_on_nodes(space, PLACE, {}, console, never)
        assert [line.partition(", cut")[0] for line in lines(console)[2:]] == [
            f"data.{part}: {count} crops, {size / 1e6:.0f} MB"
            for part, count, size in zip(("train", "val"), (4, 2), sizes(), strict=True)
        ]
        told = len(lines(console))
        cut_on_nodes(space, PLACE, {}, console, never)  # as at a resume
        assert len(lines(console)) == told

    def test_another_one(self, space, console, monkeypatch):
        monkeypatch.setattr(module, "_here", lambda: "elsewhere")
        cut_on_nodes(space, PLACE, {}, console, never)
        train, val = lines(console)
        assert re.fullmatch(r"node [\d.]+ \(.+\): data.train: 4 crops, 0 MB, cut in \d+ s", train)
        assert "data.val: 2 crops" in val
        assert cache.stores() == []  # it has an environment of its own

    def test_no_trial_runs_on_a_node_without_room(self, space, console):
        cut_on_nodes(space, Share(100, 0.0, 1), {}, console, never)
        assert lines(console) == []
        assert cache.stores() == []

    def test_wrong_data_are_told_by_nodes_where_none_runs_here(self, space, tiny_coco, console, monkeypatch):
        spoil(tiny_coco, "clip0/000.png", "clip2/005.png")
        monkeypatch.setattr(module, "_here", lambda: "elsewhere")
        with pytest.raises(RayPoseError, match=r"000\.png.*\n.*005\.png"):
            cut_on_nodes(space, PLACE, {}, console, never)

    def test_what_fails_on_another_node_is_a_warning(self, space, console, monkeypatch):
        both = [
            {**node, "NodeID": name, "Alive": True} for node in module.ray.nodes()[:1] for name in ("here", "ab" * 28)
        ]
        monkeypatch.setattr(module, "_here", lambda: "here")
        monkeypatch.setattr(module.ray, "nodes", lambda: both)  # Ray has lost the second one
        cut_on_nodes(space, PLACE, {}, console, never)
        assert len(cache.stores()) == 2
        (warning,) = [line for line in lines(console) if line.startswith("warning: ")]
        assert re.match(r"warning: node [\d.]+ \(.+\) could not cut the crops; its trials will: \S", warning)

    def test_an_interrupted_search_waits_for_no_node(self, space, console, monkeypatch):
        monkeypatch.setattr(module, "_here", lambda: "elsewhere")
        monkeypatch.setattr(module, "cut_there", sleeping())
        began = time.monotonic()
        cut_on_nodes(space, PLACE, {}, console, lambda: time.monotonic() > began + 0.1)
        assert time.monotonic() - began < 20
        assert lines(console) == []


def sizes():
    return [store.bytes for store in sorted(cache.stores(), key=lambda store: -len(store))]


def sleeping():
    def sleep(wanted, plugins, threads):
        import time

        time.sleep(300)

    return sleep


@pytest.mark.usefixtures("cluster")
class TestSearch:
    @pytest.fixture(autouse=True)
    def _cache_of_the_workers(self, monkeypatch, session_cache):
        monkeypatch.setenv("RAYPOSE_CACHE", session_cache)

    def test_trials_read_what_was_cut_before_them(self, space, tmp_path, console):
        tune(space, experiments=tmp_path / "experiments", console=console)
        assert sum(line.startswith("cutting the crops") for line in lines(console)) == 2
        ours = [store for store in cache.stores() if store.about["folders"][0].startswith(str(tmp_path))]
        assert sorted(len(store) for store in ours) == [2, 4]
        assert all(store.needs.input_sizes == ((32, 32), (64, 64)) for store in ours)

    def test_nothing_starts_where_data_are_bad(self, space, tiny_coco, tmp_path):
        spoil(tiny_coco, "clip0/000.png", "clip2/005.png")
        with pytest.raises(RayPoseError, match=r"000\.png.*\n.*005\.png") as error:
            tune(space, experiments=tmp_path / "experiments", quiet=True)
        assert error.value.exit_status == 2
        assert load_records(tmp_path / "experiments" / "crops")[0] == []


SLOW = """
import sys
import time
from raypose.data.crops import build

decode = build.decode

def slow(*args):
    time.sleep(1)
    return decode(*args)

build.decode = slow
from raypose.cli import main
main(["tune", sys.argv[1], "--no-check"])
"""


@pytest.mark.slow
def test_ctrl_c_while_crops_are_cut(tmp_path, tiny_coco):
    text = SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix)
    (tmp_path / "space.yaml").write_text(text)
    env = {**os.environ, "RAYPOSE_CACHE": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"}
    env.pop("RAY_ADDRESS", None)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, "space.yaml"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        said = next(line for line in process.stdout if line.startswith("cutting the crops"))
        assert said == "cutting the crops of data.train from 4 images ...\n"
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 130
        assert time.monotonic() - sent < 15
    finally:
        process.kill()
        process.wait()
    assert "interrupted; go on with: raypose tune space.yaml --resume" in rest
    assert "cutting the crops of data.val" not in rest
    assert cache.stores() == []
    assert load_records(tmp_path / "experiments" / "crops")[0] == []
