"""Latency is the median of passes after a warm-up; costs are measured as `raypose.models.cost` counts them."""

import time

import pytest
import torch
from torch import nn

from raypose.config import BETTER, COSTS, Goal, leading
from raypose.models.builder import build_model
from raypose.models.cost import cost
from raypose.models.latency import FEWEST, WARM_UP, latency
from raypose.models.measured import MEASURES, Trained, measured
from raypose.space.constraints import NAMES


class Sleeper(nn.Module):
    """Takes so many milliseconds a pass, one after the other, then the last one for ever."""

    def __init__(self, *milliseconds):
        super().__init__()
        self.times, self.shapes, self.modes = list(milliseconds), set(), set()
        self.passes = 0

    def predict(self, images):
        self.shapes.add(tuple(images.shape))
        self.modes.add(self.training)
        time.sleep(self.times[min(self.passes, len(self.times) - 1)] / 1000)
        self.passes += 1


def test_the_median_of_passes_after_the_warm_up():
    model = Sleeper(*[30.0] * WARM_UP, 60.0, 4.0, 4.0, 4.0, 80.0)
    model.train()
    assert 3.9 < latency(model, (48, 64), seconds=0) < 20
    assert model.passes == WARM_UP + FEWEST
    assert (model.shapes, model.modes, model.training) == ({(1, 3, 64, 48)}, {False}, True)


def test_it_takes_about_as_long_as_it_may():
    started = time.perf_counter()
    latency(Sleeper(2.0), (8, 8), seconds=0.2)
    assert 0.19 < time.perf_counter() - started < 1


@pytest.fixture(scope="module")
def trained():
    section = {
        "backbone": {
            "type": "HourglassNet",
            "num_stacks": 1,
            "downsample_times": 2,
            "feat_channel": 8,
            "stage_blocks": 1,
        },
        "keypoint_head": {"type": "HeatmapHead"},
    }
    model = build_model(section, 3, (64, 64))
    return Trained(model, torch.optim.AdamW(model.parameters()), (64, 64), batch_size=4)


def test_costs_are_measured_by_name_and_leave_the_model_as_it_is(trained):
    before = {name: tensor.clone() for name, tensor in trained.model.state_dict().items()}
    generator = torch.get_rng_state()
    costs = measured({"flops", "params", "memory", "AP"}, trained)
    counted = cost(trained.model, (64, 64))
    assert costs == {"params": counted.params, "flops": counted.flops, "memory": trained.memory()}
    assert list(measured({"latency"}, trained)) == ["latency"]
    assert torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(before[name], tensor) for name, tensor in trained.model.state_dict().items())
    assert all(parameter.grad is None and not parameter.is_inference() for parameter in trained.model.parameters())


def test_the_tables_of_costs_agree():
    assert set(MEASURES) == set(COSTS) >= set(NAMES)
    assert all(BETTER[name] == "min" for name in COSTS)


def test_epochs_are_compared_by_what_they_change():
    goals = [Goal("latency", "min"), Goal("AP", "max"), Goal("EPE", "min")]
    assert leading(goals) == 1
    assert leading(goals[1:]) == leading(goals[:1]) == 0
