import os

import pytest
import torch

from raypose import RayPoseError
from raypose.training import checkpoints


def test_only_the_last_ones_are_kept(tmp_path):
    for epoch in range(1, 5):
        checkpoints.save_epoch({"epoch": epoch, "w": torch.ones(2)}, tmp_path, epoch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_0003.pt", "epoch_0004.pt"]
    assert checkpoints.load(checkpoints.newest(tmp_path))["epoch"] == 4


@pytest.mark.parametrize("keep", [0, 1, 30, -1])
def test_a_damaged_one_is_passed_over_for_the_one_before(tmp_path, keep):
    for epoch in (1, 2):
        path = checkpoints.save_epoch({"epoch": epoch}, tmp_path, epoch)
    path.write_bytes(path.read_bytes()[:keep])
    assert checkpoints.newest(tmp_path).name == "epoch_0001.pt"


def test_a_kill_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    checkpoints.save({"w": 1}, path)

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save({"w": 2}, path)
    assert checkpoints.load(path) == {"w": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["weights.pt"]


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save(Evil(), tmp_path / "weights.pt")
    with pytest.raises(RayPoseError, match="not a readable checkpoint"):
        checkpoints.load(tmp_path / "weights.pt")
    assert not (tmp_path / "ran").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RayPoseError, match="no such file"):
        checkpoints.load(tmp_path / "none.pt")
