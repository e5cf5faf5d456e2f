from __future__ import annotations

import pytest

from raypose import config
from raypose.errors import RayPoseError


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ({}, "max"),
        ({"metric": "PCK"}, "max"),
        ({"metric": "EPE"}, "min"),
        ({"metric": "loss"}, "min"),
        ({"metric": "train_loss"}, "min"),
        ({"metric": "EPE", "mode": "max"}, "max"),
        ({"metric": "mine", "mode": "min"}, "min"),
    ],
)
def test_the_mode_suits_the_metric_unless_it_is_given(given, mode):
    assert config.Tune(**given).mode == mode
    assert config.read(config.Tune, given).mode == mode
    whole = {"name": "a", "data": {"train": {}, "val": {}}, "model": {}, "optimizer": {}, "tune": given}
    assert config.read(config.SpaceFile, whole).tune.mode == mode


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(RayPoseError) as error:
        config.read(config.Training, {"epochs": 0, "ema": 1, "batch_size": "x"})
    assert [str(problem) for problem in error.value.problems] == [
        "training.epochs: Input should be greater than 0, but got 0",
        "training.batch_size: Input should be a valid integer, unable to parse string as an integer, but got 'x'",
        "training.ema: Input should be less than 1, but got 1",
    ]


def test_a_missing_key_is_named():
    with pytest.raises(RayPoseError) as error:
        config.read(config.Split, {"seed": 1})
    assert str(error.value) == "split.split: Field required"


@pytest.mark.parametrize(("given", "seconds"), [(90, 90), ("90", 90), ("30m", 1800), ("1h30m", 5400), ("1.5d", 129600)])
def test_a_duration_is_read(given, seconds):
    assert config.read_duration(given, "--time-budget") == seconds


@pytest.mark.parametrize("given", ["1x", "", "30 m", 0, -1, "0s", float("inf")])
def test_what_is_no_duration_is_refused(given):
    with pytest.raises(RayPoseError, match=r"--time-budget must be a duration, but got .*; write seconds, or a text"):
        config.read_duration(given, "--time-budget")
