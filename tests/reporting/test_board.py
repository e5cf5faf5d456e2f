"""The live table: what it shows of running and finished trials, and that it fits its terminal."""

import io
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState
from rich.console import Console

from raypose.config import Goal
from raypose.reporting.board import board, line
from raypose.reporting.snapshot import Snapshot

BEGAN = datetime(2026, 1, 1)
PARAMS = {
    "model.backbone": "HourglassNet",
    "model.backbone.HourglassNet.num_stacks": 2,
    "model.keypoint_head.loss_keypoint": "SpatialCrossEntropyLoss",
    "optimizer.AdamW.lr": 0.00123,
}


def trial(number, state, values=(), metric="AP", goals=1, **attrs):
    several = {f"epoch {i}": [value] * goals for i, value in enumerate(values, 1)} if goals > 1 else {}
    return SimpleNamespace(
        number=number,
        state=TrialState[state],
        params=PARAMS,
        constraints={},
        values=[max(values)] * goals if state == "COMPLETE" else None,
        intermediate_values={} if several else dict(enumerate(values, 1)),
        user_attrs={**several, **attrs},
        datetime_start=BEGAN,
        duration=None if state == "RUNNING" else timedelta(seconds=60),
    )


def snapshot(running, metric="AP", goals=1, gpu=True, **options):
    trials = [
        trial(0, "COMPLETE", [0.2, 0.5, 0.4], goals=goals),
        trial(1, "PRUNED", [0.1], goals=goals),
        trial(2, "FAIL", [0.1], goals=goals, reason="raised", detail="File x\nValueError: bad [/foo] " + 90 * "x"),
        *(trial(number, "COMPLETE", [0.3], goals=goals) for number in range(3, 9)),
        *(trial(number, "RUNNING", [0.35, 0.25], goals=goals) for number in range(100, 100 + running)),
    ]
    names = [metric, "flops", "latency"][:goals]
    last = {**dict.fromkeys(names, 0.25), "samples_per_second": 1234.5, **({"gpu_memory": 2.5 * 2**30} if gpu else {})}
    numbers = range(100, 100 + running)
    return Snapshot(
        trials, [Goal(name, "max") for name in names], 200, dict.fromkeys(numbers, last), dict.fromkeys(numbers, 20),
        BEGAN, BEGAN + timedelta(minutes=30), **options,
    )  # fmt: skip


def shown(snapshot, width=80, height=24):
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(board(snapshot, console))
    return console.file.getvalue().splitlines()


def test_a_running_trial():
    lines = shown(snapshot(1))
    assert lines[0] == "9/200 trials, 1 pruned, 1 failed, best AP 0.5 (trial 0)"
    assert lines[1].startswith("30:00 elapsed, about ")
    assert lines[1].endswith(" left, 1,234 samples/s")
    headings, running = lines[3].split(), lines[4].split()
    assert headings == ["trial", "state", "epoch", "AP", "best", "samples/s", "GPU", "configuration"]
    assert running[:7] == ["100", "RUNNING", "2/20", "0.2500", "0.3500", "1,234", "2.50G"]
    assert lines[6].split()[:4] == ["0", "COMPLETE", "3", "0.5000"]
    assert lines[-1].startswith("trial 2 failed: raised: ValueError: bad [/foo] xxx")


@pytest.mark.parametrize("running", [0, 1, 2, 8, 64])
@pytest.mark.parametrize("goals", [1, 2, 3])
@pytest.mark.parametrize("metric", ["AP", "my_own_metric_with_a_very_long_name"])
@pytest.mark.parametrize("size", [(80, 24), (40, 12), (200, 50)], ids=str)
def test_nothing_wraps(running, goals, metric, size):
    width, height = size
    lines = shown(snapshot(running, metric, goals), *size)
    assert max(map(len, lines)) <= width
    assert len(lines) < height or height < 24
    headings = next(text for text in lines if text.startswith("trial "))
    at = headings.index("configuration"[:4])
    rows = [text for text in lines if "Hour" in text]
    assert all(row[at - 1] == " " and row[at:].startswith("H") for row in rows)
    assert len(rows) >= min(running, 8 if height >= 24 else 1) + (5 if height >= 24 else 1)


def test_of_many_trials_the_first_are_shown_and_the_others_counted():
    lines = shown(snapshot(64))
    rows = [text for text in lines if "RUNNING" in text]
    assert rows[0].split()[0] == "100"
    assert f"... and {64 - len(rows)} more" in lines
    assert len(lines) == 23  # all that fits, above the cursor's line


def test_without_a_gpu_its_column_is_left_to_the_configuration():
    with_gpu, without = (next(row for row in shown(snapshot(1, gpu=gpu)) if "RUNNING" in row) for gpu in (True, False))
    assert "GPU" not in "".join(shown(snapshot(1, gpu=False)))
    assert len(without.split("1,234  ")[1]) == len(with_gpu.split("2.50G  ")[1]) + 7


def test_what_was_interrupted_is_not_running():
    lines = shown(snapshot(2, is_running=False))
    assert not any("RUNNING" in text or "left" in text or "samples/s" in text for text in lines)
    assert sum("stopped" in text for text in lines) == 2


def test_nothing_has_begun():
    assert shown(Snapshot([], [Goal("AP", "max")], 20)) == ["0/20 trials", "0:00 elapsed"]


def test_repeats_say_whom_they_repeat():
    again = trial(9, "RUNNING", [0.2], role="repeat", of=0)
    found = Snapshot([trial(0, "COMPLETE", [0.5]), again], [Goal("AP", "max")], 1)
    lines = shown(found)
    assert lines[0] == "1/1 trials, 0/1 repeats, best AP 0.5 (trial 0)"
    assert any("repeat of trial 0: Hour" in text for text in lines)


def test_a_budget_of_time_is_told_in_the_place_of_the_time():
    assert snapshot(0, budget="12:04 of 2:00:00", timed=True).times == "12:04 of 2:00:00"
    assert snapshot(0, budget="7 of 90 epochs").times == "30:00 elapsed, 7 of 90 epochs"


def test_a_line():
    found = snapshot(0)
    assert line(found.ended[0], found) == (
        "trial 0 COMPLETE AP 0.5 after 3 epochs | HourglassNet, num_stacks 2, SpatialCrossEntropyLoss, lr 0.00123 | "
        "9/200 trials, 1 pruned, 1 failed, best AP 0.5 (trial 0), 30:00 elapsed"
    )
    assert "AP 0.1 after 1 epoch (raised: ValueError: bad [/foo]" in line(found.ended[2], found)
