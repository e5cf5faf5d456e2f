"""Which format is the fastest: by a few steps that leave no trace."""

import copy
import json
import math
import random
import threading

import pytest
import torch
from torch import nn

from raypose.training import settled
from raypose.training.fastest import Probe, fastest, formats
from raypose.training.settled import settle
from raypose.training.trial_folder import TrialFolder, read_meta


def asked(times, first=0.0):
    """A clock with fixed seconds for each format, `first` more in its first step; and who it was asked for."""
    calls = []

    def seconds(name):
        calls.append(name)
        return times[name] + first * (calls.count(name) == 1)

    return seconds, calls


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"fp32": 0.02, "bf16": 0.01}, ("bf16", 2.0)),
        ({"fp32": 0.01, "bf16": 0.02}, ("fp32", 1.0)),
        ({"fp32": 0.012, "bf16": 0.01}, ("bf16", 1.2)),
        ({"fp32": 0.0105, "bf16": 0.01}, ("fp32", 1.0)),
        ({"fp32": 0.03, "bf16": 0.01, "fp16": 0.0095}, ("bf16", 3.0)),
        ({"fp32": 0.03, "bf16": 0.015, "fp16": 0.01}, ("fp16", 3.0)),
        ({"fp32": 0.03, "bf16": math.inf}, ("fp32", 1.0)),
        ({"fp32": math.inf, "bf16": 0.01}, ("bf16", math.inf)),
        ({"fp32": math.inf, "bf16": math.inf}, ("fp32", 1.0)),
    ],
)
def test_the_choice(times, expected):
    seconds, calls = asked(times, first=0.1)
    name, ratio = fastest(tuple(times), seconds)
    assert (name, ratio) == (expected[0], pytest.approx(expected[1]))
    assert calls.count("fp32") == calls.count("bf16") == 8


def test_slow_steps_are_made_once():
    seconds, calls = asked({"fp32": 3.0, "bf16": 1.0})
    assert fastest(("fp32", "bf16"), seconds) == ("bf16", 3.0)
    assert calls == ["bf16", "fp32"]


def test_of_slow_steps_a_small_gain_is_not_believed():
    assert fastest(("fp32", "bf16"), {"fp32": 3.0, "bf16": 2.5}.get) == ("fp32", 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_a_busy_machine_chooses_no_slower_format(seed):
    """Others take the processor meanwhile, for up to four times as long as a step, in half of the steps."""
    rng = random.Random(seed)

    def seconds(name):
        return {"fp32": 0.010, "bf16": 0.0105}[name] * (1 + (rng.random() < 1 / 2) * 4 * rng.random())

    assert fastest(("fp32", "bf16"), seconds)[0] == "fp32"


def test_one_format_needs_no_look():
    assert fastest(("fp32",), pytest.fail) == ("fp32", 1.0)


@pytest.mark.parametrize(
    ("has", "expected"),
    [({"avx512_bf16": True}, ("fp32", "bf16")), ({"amx_bf16": True}, ("fp32", "bf16")), ({"avx2": True}, ("fp32",))],
)
def test_a_processor_that_has_no_bf16_is_not_asked(monkeypatch, has, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert formats("cpu") == expected


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
        self.seen = []

    def loss(self, image, keypoints, visible):
        output = self.backbone(image)
        self.seen.append((tuple(image.shape), tuple(keypoints.shape), tuple(visible.shape), output.dtype))
        return {"loss": output.float().mean()}


def test_a_probe_leaves_no_trace():
    torch.manual_seed(0)
    model = Net()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    seconds = Probe(model, "cpu", 32, (12, 16), 5).timer()
    assert 0 < seconds("fp32") < 10
    assert 0 < seconds("bf16") < 10
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert all(each.grad is None for each in model.parameters())
    assert not model.seen


def test_a_probes_steps_are_training_steps(monkeypatch):
    model = Net()
    monkeypatch.setattr(copy, "deepcopy", lambda each: each)
    seconds = Probe(model, "cpu", 32, (12, 16), 5).timer()
    seconds("fp32"), seconds("bf16")
    shapes = ((2, 3, 16, 12), (2, 5, 2), (2, 5))
    assert model.seen == [(*shapes, torch.float32), (*shapes, torch.bfloat16)]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no"), TypeError("Got unsupported ScalarType BFloat16")])
def test_a_format_that_fails_takes_forever(error):
    class Fails(Net):
        def loss(self, *batch):
            super().loss(*batch)["loss"].backward()
            raise error

    model = Fails()
    assert Probe(model, "cpu", 2, (12, 16), 5).timer()("fp32") == math.inf
    assert all(each.grad is None for each in model.parameters())


def test_a_model_that_cannot_be_copied_trains_in_full_precision():
    model = Net()
    model.lock = threading.Lock()
    assert fastest(("fp32", "bf16"), Probe(model, "cpu", 2, (12, 16), 5).timer()) == ("fp32", 1.0)


def test_a_gpus_first_steps_do_not_count(monkeypatch):
    """They get kernels ready, which may take longer than all looks together may."""
    clock = iter([0.0, 9.0, 10.0, 10.1, 11.0, 11.2])
    seconds = Probe(Net(), "cpu", 2, (12, 16), 5).timer()
    monkeypatch.setattr(Probe, "steps", 3)
    monkeypatch.setattr(Probe, "_now", lambda self: next(clock))
    assert seconds("fp32") == pytest.approx(0.1)


@pytest.fixture
def measured(monkeypatch):
    """Counts the measurements, each of which finds another format."""
    found = []

    def measure(names, timer):
        found.append(("bf16", "fp32")[len(found) % 2])
        return found[-1], 2.0

    monkeypatch.setattr(settled, "formats", lambda device: ("fp32", "bf16"))
    monkeypatch.setattr(settled, "fastest", measure)
    return found


def probe(size=(12, 16)):
    return Probe(Net(), "cpu", 2, size, 5)


def test_it_is_measured_once_for_a_model_here(measured, tmp_path, caplog):
    memory = tmp_path / "cache" / "precision.json"
    caplog.set_level("INFO", "raypose")
    assert settle("auto", probe(), "net", tmp_path / "0", memory) == "bf16"
    assert settle("auto", probe(), "net", tmp_path / "1", memory) == "bf16"
    assert len(measured) == 1
    assert caplog.messages == ["precision bf16: 2.0 times as fast as fp32 here", "precision bf16: as measured before"]
    assert settle("auto", probe(), "other", tmp_path / "2", memory) == "fp32"
    assert settle("auto", probe((24, 16)), "net", tmp_path / "3", memory) == "bf16"
    assert len(measured) == 3


def test_a_trial_goes_on_as_it_began(measured, tmp_path):
    memory = tmp_path / "precision.json"
    settle("auto", probe(), "net", tmp_path / "0", memory)
    assert read_meta(tmp_path / "0")["precision"] == "bf16"
    memory.unlink()
    assert settle("auto", probe(), "net", tmp_path / "0", memory) == "bf16"
    assert len(measured) == 1
    assert settle("auto", probe(), "net", tmp_path / "1", memory) == "fp32"  # measured again


def test_a_trial_that_goes_on_elsewhere_takes_no_format_that_is_slow_there(measured, tmp_path):
    TrialFolder(tmp_path / "0").update_meta({"precision": "fp16"})  # on a GPU
    assert settle("auto", probe(), "net", tmp_path / "0", tmp_path / "precision.json") == "bf16"
    assert read_meta(tmp_path / "0")["precision"] == "bf16"


def test_where_the_first_format_fails_that_is_said(measured, tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO", "raypose")
    monkeypatch.setattr(settled, "fastest", lambda *_: ("bf16", math.inf))
    settle("auto", probe(), "net", tmp_path / "0", tmp_path / "precision.json")
    assert caplog.messages == ["precision bf16: fp32 does not work here"]


def test_what_is_said_is_taken(measured, tmp_path):
    assert settle("fp16", probe(), "net", tmp_path / "0", tmp_path / "precision.json") == "fp16"
    assert not measured
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"x": 1}', None])
def test_a_damaged_memory_is_written_anew(measured, tmp_path, content):
    memory = tmp_path / "precision.json"
    if content is not None:
        memory.write_text(content)
    assert settle("auto", probe(), "net", tmp_path / "0", memory) == "bf16"
    assert settle("auto", probe(), "net", tmp_path / "1", memory) == "bf16"
    (entry,) = (each for each in json.loads(memory.read_text()).values() if isinstance(each, dict))
    assert entry["model"] == "net"
    for key, value in json.loads(memory.read_text()).items():
        memory.write_text(json.dumps({key: {"precision": "fp7"} if isinstance(value, dict) else value}))
    assert settle("auto", probe(), "net", tmp_path / "2", memory) == "fp32"


def test_a_memory_that_cannot_be_written_does_no_harm(measured, tmp_path):
    (tmp_path / "file").write_text("")
    for number, expected in enumerate(("bf16", "fp32")):
        assert settle("auto", probe(), "net", tmp_path / str(number), tmp_path / "file" / "precision.json") == expected


def test_what_another_trial_found_meanwhile_counts(measured, tmp_path, monkeypatch):
    memory = tmp_path / "precision.json"
    mine = settled.fastest

    def while_another_measures(names, timer):
        monkeypatch.setattr(settled, "fastest", mine)
        settle("auto", probe(), "net", tmp_path / "1", memory)
        return "fp32", 1.0

    monkeypatch.setattr(settled, "fastest", while_another_measures)
    assert settle("auto", probe(), "net", tmp_path / "0", memory) == "bf16"
