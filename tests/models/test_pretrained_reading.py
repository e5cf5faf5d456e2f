"""Files to tensors: what is in them, where, and that nothing in them runs."""

from __future__ import annotations

import builtins
import collections
import datetime
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from raypose import RayPoseError
from raypose.models.pretrained import read_weights

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def save(content, path, zipped=True):
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.fixture
def mmengine(monkeypatch):
    """Modules with the classes that MMEngine's checkpoints hold, pickled as its own are (MMEngine 0.10.7)."""
    code = """
class HistoryBuffer:
    def __init__(self, log, count):
        self._log_history, self._count_history, self.max_length = log, count, 1000000
    def mean(self): ...
    def __getstate__(self):
        return {**self.__dict__, "statistics_methods": {"mean": HistoryBuffer.mean}}
    def __setstate__(self, state):
        raise AssertionError("code of the file ran")

class ConfigDict(dict):
    def __reduce_ex__(self, protocol):
        return self.__class__, (dict(self),), None, None, None

class AddictDict(dict):
    def __setitem__(self, key, value):
        super().__setitem__(key, value)

class Config:
    def __getstate__(self):
        return ConfigDict(a=1), "a.py", None, {}
"""
    names = ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer")
    modules = {name: types.ModuleType(name) for name in names}
    last = modules[names[-1]]
    exec(code, last.__dict__)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return last


def training_checkpoint(module, weights):
    buffer = module.HistoryBuffer(np.arange(3.0), np.ones(3, int))
    meta = {
        "epoch": 210,
        "time": datetime.datetime(2024, 1, 1),
        "cfg": module.Config(),
        "options": module.AddictDict(a=module.ConfigDict(b=1)),
        "dataset_meta": {"sigmas": np.full(17, 0.1, np.float32), "flip": {1, 2}, "upper": frozenset((1, 2))},
        "folder": Path("work_dirs"),
        "paths": {Path("a"): 1, Path("b"): {Path("c"), Path("d")}},
        "seen": collections.defaultdict(list, {1: [2]}),
        "last": collections.deque([np.float64(0.5)], maxlen=3),
    }
    hub = {"log_scalars": collections.OrderedDict({"train/loss": buffer}), "runtime_info": {"iter": np.int64(7)}}
    return {
        "meta": meta,
        "state_dict": weights,
        "message_hub": hub,
        "optimizer": torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]).state_dict(),
        "param_schedulers": [{"_global_step": 1}],
        "ema_state_dict": {"steps": torch.tensor(3), **{f"module.{key}": -value for key, value in weights.items()}},
    }


@FORMATS
def test_mmengines_training_checkpoints_open_without_mmengine(tmp_path, monkeypatch, mmengine, zipped):
    weights = {"backbone.conv1.weight": torch.rand(2, 3), "head.final_layer.bias": torch.rand(5)}
    file = save(training_checkpoint(mmengine, weights), tmp_path / "epoch_210.pth", zipped)
    for name in [name for name in sys.modules if name.startswith("mmengine")]:
        monkeypatch.delitem(sys.modules, name)
    read = read_weights(file)
    assert read.keys() == weights.keys()
    assert all(torch.equal(read[key], weights[key]) for key in weights)
    assert not any(name.startswith("mmengine") for name in sys.modules)


class Call:
    """Pickles as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def attacks(marker):
    code = f"open({str(marker)!r}, 'w').close()"
    return {
        "exec": Call(builtins.exec, code),
        "eval": Call(builtins.eval, f"open({str(marker)!r}, 'w')"),
        "open": Call(builtins.open, str(marker), "w"),
        "subprocess": Call(subprocess.call, ["touch", str(marker)]),
        "inside a list": [Call(builtins.exec, code)],
    }


@FORMATS
@pytest.mark.parametrize("attack", attacks("x"))
def test_calls_in_a_checkpoint_are_not_made_and_its_weights_are_read(tmp_path, zipped, attack):
    marker = tmp_path / "ran"
    weights = {"w": torch.rand(3), "attack": attacks(marker)[attack]}
    file = save({"state_dict": weights, "meta": attacks(marker)[attack]}, tmp_path / "a.pth", zipped)
    read = read_weights(file)
    assert read.keys() == {"w"}
    assert torch.equal(read["w"], weights["w"])
    assert not marker.exists()
    torch.load(file, weights_only=False)
    assert marker.exists(), "the checkpoint was harmless: this test shows nothing"


@FORMATS
@pytest.mark.parametrize(("function", "named"), [(os.system, "posix.system"), (Path.touch, "reduce")])
def test_what_torch_never_allows_is_refused(tmp_path, zipped, function, named):
    marker = tmp_path / "ran"
    argument = marker if function is Path.touch else f"touch {marker}"
    file = save({"state_dict": {"w": torch.rand(3)}, "meta": Call(function, argument)}, tmp_path / "a.pth", zipped)
    with pytest.raises(RayPoseError, match=rf"a\.pth can't be read: .*{named}") as error:
        read_weights(file)
    assert "weights_only" not in str(error.value)
    assert not marker.exists()
    torch.load(file, weights_only=False)
    assert marker.exists()


def test_what_torch_allows_is_as_it_was_afterwards(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    read_weights(save({"state_dict": {"w": torch.ones(1)}, "p": Path("x")}, tmp_path / "a.pth"))
    assert set(torch.serialization.get_safe_globals()) == before


W, OTHER = {"w": torch.ones(2)}, {"w": torch.zeros(2)}


@pytest.mark.parametrize(
    "content",
    [
        W,
        {"state_dict": W},
        {"model": W},
        {"model": {"state_dict": W}},
        {"state_dict_ema": W, "state_dict": OTHER},
        {"model_ema": W, "model": OTHER},
        {"state_dict": W, "ema_state_dict": OTHER},
        {"teacher": W, "student": OTHER},
        {"epoch": 3, "model": OTHER, "ema": W, "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}}},
        {"state_dict": W, "model": "resnet50", "model_ema": None},
    ],
)
@FORMATS
def test_where_the_weights_are(tmp_path, content, zipped):
    read = read_weights(save(content, tmp_path / "a.pth", zipped))
    assert read.keys() == {"w"}
    assert torch.equal(read["w"], W["w"])


def test_safetensors(tmp_path):
    safetensors.torch.save_file(W, tmp_path / "a.safetensors")
    assert torch.equal(read_weights(tmp_path / "a.safetensors")["w"], W["w"])


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"not weights", b"", b"PK\3\4 cut short", b"\x80\x02}q\x00."])
def test_damaged_files(tmp_path, content, suffix):
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(RayPoseError, match=rf"a\{suffix} can't be read: .+") as error:
        read_weights(tmp_path / f"a{suffix}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "has"),
    [({"epoch": 3, "state_dict": {}}, "epoch, state_dict"), ([torch.ones(1)], "a list"), (3, "a int")],
)
def test_files_without_weights(tmp_path, content, has):
    with pytest.raises(RayPoseError, match=f"holds no weights but {has}"):
        read_weights(save(content, tmp_path / "a.pth"))


def test_a_whole_module_is_no_file_of_weights(tmp_path):
    with pytest.raises(RayPoseError, match=r"torch\.save\(model\.state_dict\(\), path\)"):
        read_weights(save(torch.nn.Linear(1, 1), tmp_path / "a.pth"))
