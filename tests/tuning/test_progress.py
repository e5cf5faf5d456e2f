"""What people see of a running search."""

import io

import pytest
from optuna.trial import TrialState
from rich.console import Console

from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.progress import Progress
from raypose.tuning.search_state import SearchState


class FakeTrial:
    def __init__(self, number):
        self.config = {"number": number}


@pytest.fixture
def state(tmp_path):
    (tmp_path / "trials").mkdir()
    space = Space.parse("name: seen\nkind: {choice: ['[/a]', b]}\nx: {uniform: [0, 1]}\n")
    state = SearchState(space, tmp_path, Tune(metric="score", num_trials=5), seed=0)
    done, failed, running = (state.next_task() for _ in range(3))
    state.report(done.number, 1, {"score": 0.5})
    state.finish(done.number, TrialState.COMPLETE)
    state.finish(failed.number, TrialState.FAIL, "raised", "ValueError: bad [/foo]")
    state.report(running.number, 1, {"score": 0.25})
    (tmp_path / "trials" / "0002").mkdir()
    (tmp_path / "trials" / "0002" / "config.yaml").write_text("training: {epochs: 7}\n")
    return state


def shown(state, **options):
    console = Console(file=io.StringIO(), width=80, **options)
    progress = Progress(state, console)
    progress.told = set()
    progress.setup()
    progress.on_trial_result(0, [], FakeTrial(2), {"score": 0.125, "samples_per_second": 812.3})
    progress.on_step_end(0, [])
    progress.on_experiment_end([])
    return console.file.getvalue()


def test_a_live_table_of_running_and_best_trials(state):
    text = shown(state, force_terminal=True, color_system=None)
    assert "2/5 trials, 1 failed, best score 0.5 (trial 0)" in text
    assert "left" in text
    assert "812 samples/s" in text
    headings, running, done = [line.split() for line in text.splitlines() if line.strip()][2:5]
    assert headings == ["trial", "state", "epoch", "score", "best", "samples/s", "configuration"]
    assert running[:6] == ["2", "RUNNING", "1/7", "0.1250", "0.2500", "812"]
    assert done[:4] == ["0", "COMPLETE", "1", "0.5000"]
    assert "trial 1 failed: raised: ValueError: bad [/foo]" in text


def test_plain_lines_where_there_is_no_terminal(state):
    lines = shown(state).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("trial 0 COMPLETE score 0.5 after 1 epoch")
    assert "raised: ValueError: bad [/foo]" in lines[1]


def test_quiet(state):
    console = Console(file=io.StringIO(), quiet=True)
    progress = Progress(state, console)
    progress.setup()
    progress.on_step_end(0, [])
    progress.on_experiment_end([])
    assert console.file.getvalue() == ""


def test_draws_that_broke_a_constraint_are_a_number(tmp_path):
    (tmp_path / "trials").mkdir()
    space = Space.parse("name: seen\nwidth: {randint: [1, 101]}\n")
    limits = Limits(["flops <= 50"], lambda config: {"params": 7, "flops": config["width"]})
    settings = Tune(metric="score", num_trials=3)
    points = [{"width": 100}, {"width": 5}, {"width": 60}, {"width": 9}]
    state = SearchState(space, tmp_path, settings, seed=0, limits=limits, initial_points=points)
    for _ in range(2):
        task = state.next_task()
        state.report(task.number, 1, {"score": 0.5})
        state.finish(task.number, TrialState.COMPLETE)
    lines = shown(state).splitlines()
    assert lines[:2] == [
        "initial point 1 is not tried: it breaks flops <= 50 (params 7, flops 100)",
        "initial point 3 is not tried: it breaks flops <= 50 (params 7, flops 60)",
    ]
    assert len(lines) == 4
    assert "width 9 | 2/3 trials, 2 not within the constraints, best score 0.5 (trial 1)" in lines[3]
    again = io.StringIO()
    progress = Progress(state, Console(file=again))
    progress.on_experiment_end([])
    assert again.getvalue() == ""


def test_duplicates_and_the_budget_are_told(tmp_path):
    (tmp_path / "trials").mkdir()
    settings = Tune(metric="score", num_trials=3, time_budget=7200.0)
    points = [{"kind": "a"}, {"kind": "twin"}]
    space = Space.parse("name: seen\nkind: {choice: [{type: a}, {type: a, label: twin}, {type: b}, {type: c}]}")
    state = SearchState(space, tmp_path, settings, seed=0, initial_points=points)
    for _ in range(2):
        task = state.next_task()
        state.report(task.number, 1, {"score": 0.5})
        state.finish(task.number, TrialState.COMPLETE)
    text = shown(state, force_terminal=False)
    assert "initial point 2 is not tried: trial 0 has the same configuration" in text
    assert "1 duplicate not trained" in text or "duplicates not trained" in text
    assert "0:00 of 2:00:00" in text
    assert "elapsed" not in text
