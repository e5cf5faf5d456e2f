"""A damaged checkpoint is never taken for a good one: it loads as it was written, or is refused."""

import random

import pytest
import torch

from raypose import RayPoseError
from raypose.training import checkpoints

STATE = {
    "epoch": 3,
    "model": {"w": torch.arange(40.0), "b": torch.ones(3)},
    "optimizer": {"state": {0: {"m": torch.full((5,), 0.5)}}, "lr": 0.1},
    "callbacks": [{"best": None}, {}],
}


def same(one, other):
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_flipped_bit_is_noticed_wherever_it_matters(tmp_path):
    path, rng = tmp_path / "epoch_0001.pt", random.Random(0)
    checkpoints.save(STATE, path)
    content, refused = path.read_bytes(), 0
    for place in range(0, len(content), 9):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert same(STATE, checkpoints.load(path)), place
        except RayPoseError:
            refused += 1
    assert refused > 100


def test_weights_with_a_flipped_bit_would_load_without_the_check(tmp_path):
    """If torch looked at the checksums by itself, ours could go."""
    path = tmp_path / "weights.pt"
    weights = torch.arange(4000.0)
    checkpoints.save(weights, path)
    content = path.read_bytes()
    place = content.index(weights[1000:1010].numpy().tobytes())
    path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
    assert not torch.equal(torch.load(path, weights_only=True), weights)
    with pytest.raises(RayPoseError, match=r"weights.pt: not a readable checkpoint .*checksum"):
        checkpoints.load(path)


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: bytes(len(b)), lambda b: b[:-1]]
)
def test_a_cut_or_emptied_one_is_passed_over(tmp_path, damage):
    for epoch in (1, 2):
        path = checkpoints.save_epoch(STATE, tmp_path, epoch)
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoints.newest(tmp_path).name == "epoch_0001.pt"


def test_nothing_in_one_runs_code(tmp_path):
    import os
    import pickle

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    checkpoints.save_epoch(STATE, tmp_path, 1)
    torch.save({"epoch": 2, "model": Evil()}, tmp_path / "epoch_0002.pt")
    (tmp_path / "epoch_0003.pt").write_bytes(pickle.dumps(Evil()))
    assert checkpoints.newest(tmp_path).name == "epoch_0001.pt"
    assert not (tmp_path / "ran").exists()
