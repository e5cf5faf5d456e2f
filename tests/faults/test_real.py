"""Trainings of a small net while a worker is killed, a node is, and the disk is full; some have a loss that breaks."""

import contextlib
import os
import signal
import subprocess

import pytest
from driving import check_nothing_is_lost, finished, meta, run, running, said, search, wait_until

pytestmark = pytest.mark.slow

PLUGIN = """
import time
import torch
from raypose import LOSSES
from raypose.models.losses import JointsMSELoss

@LOSSES.register_module()
class SlowLoss(JointsMSELoss):
    def forward(self, output, target, target_weight):
        if not output.is_meta:
            time.sleep(0.1)
        return super().forward(output, target, target_weight)

@LOSSES.register_module()
class BrokenLoss(SlowLoss):
    steps = 0

    def forward(self, output, target, target_weight):
        self.steps += 1
        if self.steps > 6:
            raise ArithmeticError("lost count")
        return super().forward(output, target, target_weight)
"""
SPACE = """
name: faulty
plugins: [plugin.py]
data:
  train: {type: SyntheticPeople, num_images: 16}
  val: {type: SyntheticPeople, num_images: 8, split: val}
  input_size: [48, 64]
model:
  backbone: {type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: 8, stage_blocks: 1}
  keypoint_head: {type: HeatmapHead, loss_keypoint: {choice: [{type: SlowLoss}, {type: BrokenLoss}]}}
optimizer: {type: AdamW, lr: {choice: [1e-3, 2e-3, 4e-3]}}
training: {epochs: 6, batch_size: 4}
tune: {metric: EPE, mode: min, num_trials: 6, scheduler: null, max_concurrent: 3, sampler: {type: GridSampler}}
"""
BROKEN = "model.keypoint_head.loss_keypoint"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, if one can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    yield disk, mounted
    if mounted:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def fill(file):
    with contextlib.suppress(OSError), open(file, "wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


def test_trainings_survive_what_happens_around_them(small_disk, three_nodes, inject, lost):
    folder, is_small = small_disk
    (folder / "plugin.py").write_text(PLUGIN)
    (folder / "space.yaml").write_text(SPACE)
    space = {"file": str(folder / "space.yaml")}
    with search(folder, three_nodes.address, **space) as process:
        number, victim = wait_until(lambda: healthy(folder), folder, process).popitem()
        os.kill(victim["pid"], signal.SIGKILL)
        inject("worker SIGKILL")
        node = wait_until(lambda: node_of_another(folder, three_nodes, number, victim), folder, process)
        three_nodes.remove_node(node, allow_graceful=False)
        inject("node kill")
        three_nodes.add_node(num_cpus=2)
        if is_small:
            wait_until(lambda: len(finished(folder)) >= 2, folder, process)
            fill(folder / "filler")
            inject("disk full")
            assert process.wait(timeout=60) == 1, said(folder)
        else:
            assert process.wait(timeout=150) == 0, said(folder)
    (folder / "filler").unlink(missing_ok=True)
    known = finished(folder)
    run(folder, three_nodes.address, resume=True, **space)
    after = check_nothing_is_lost(folder, known, 6, lost, better=min)
    for each in after.values():
        if "BrokenLoss" in each.params[BROKEN]:
            inject("plugin with an error")
            assert (each.state, each.reason) == ("FAIL", "raised")
            assert "plugin.py" in each.detail
            assert "lost count" in each.detail
        else:
            assert (each.state, each.epochs) == ("COMPLETE", 6)
    assert (folder / "faulty" / "best" / "weights.pt").exists()
    assert not list(folder.glob("faulty/**/*.tmp"))


def healthy(folder):
    """The running trials whose loss works."""
    names = {each.number for each in finished(folder).values()} if running(folder) else set()
    config = "trials/{:04d}/config.yaml"
    return {
        number: each
        for number, each in running(folder).items()
        if number not in names and "BrokenLoss" not in (folder / "faulty" / config.format(number)).read_text()
    }


def node_of_another(folder, cluster, number, victim):
    """A node, not the driver's, with a healthy trial that is not the one that was killed, or runs again."""
    for each, there in healthy(folder).items():
        if each != number or meta(folder, number)["pid"] != victim["pid"]:
            for node in cluster.worker_nodes:
                if node.node_id == there["node"]:
                    return node
    return None
