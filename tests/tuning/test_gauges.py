"""What is exported of a search; that Prometheus gets it: test_trial_actors.py. A search goes on where a look at it fails."""

import time
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState

from raypose.config import Tune
from raypose.space import Space
from raypose.tuning import gauges as module
from raypose.tuning.gauges import Gauges
from raypose.tuning.onlookers import Onlooker
from raypose.tuning.search_state import SearchState


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "mouse"
    (folder / "trials").mkdir(parents=True)
    space = Space.parse("name: mouse\nx: {uniform: [0, 1]}\n")
    return SearchState(space, folder, Tune(metric="PCK@0.2", num_trials=4), seed=0)


def tell(gauges, number, **result):
    gauges.on_trial_result(0, [], SimpleNamespace(config={"number": number}), result)


@pytest.fixture
def exported(monkeypatch):
    """What Ray's gauges are set to in one look."""
    values = {}

    class Gauge:
        def __init__(self, name, description, tag_keys):
            self.name, self.tag_keys = name, tag_keys

        def set(self, value, tags):
            assert sorted(tags) == sorted(self.tag_keys)
            values[(self.name, *tags.values())] = value

    monkeypatch.setattr(module, "Gauge", Gauge)
    return values


def test_what_is_exported(state, exported):
    first, second, third = (state.next_task().number for _ in range(3))
    gauges = Gauges(state)
    tell(gauges, first, **{"PCK@0.2": 0.5, "lr": 1e-3, "epoch": 3, "pid": 7, "loss": float("nan")})
    tell(gauges, second, **{"PCK@0.2": 0.75, "gpu_memory": 2_000_000})
    gauges.look([])
    assert exported == {
        ("raypose_trial_pck_0_2", "mouse", "0"): 0.5,
        ("raypose_trial_lr", "mouse", "0"): 1e-3,
        ("raypose_trial_epoch", "mouse", "0"): 3,
        ("raypose_trial_pck_0_2", "mouse", "1"): 0.75,
        ("raypose_trial_gpu_memory", "mouse", "1"): 2_000_000,
        ("raypose_search_trials", "mouse", "RUNNING"): 3,
        **{("raypose_search_trials", "mouse", state): 0 for state in ("COMPLETE", "PRUNED", "FAIL")},
    }
    exported.clear()
    state.report(first, 1, {"PCK@0.2": 0.5})
    state.finish(first, TrialState.COMPLETE)
    state.finish(third, TrialState.FAIL, "raised", "no")
    gauges.look([])
    assert {key[2] for key in exported if "trial_" in key[0]} == {"1"}
    assert exported["raypose_search_best_pck_0_2", "mouse"] == 0.5
    assert exported["raypose_search_trials", "mouse", "COMPLETE"] == 1
    assert exported["raypose_search_trials", "mouse", "FAIL"] == 1


def test_a_search_goes_on_without_what_looks_at_it(caplog):
    class Broken(Onlooker):
        every, looks, left = 0.0, 0, False

        def look(self, trials):
            self.looks += 1
            raise RuntimeError("no metrics here")

        def leave(self):
            self.left = True

    broken = Broken()
    for _ in range(3):
        broken.on_step_end(0, [])
    broken.on_experiment_end([])
    assert broken.looks == 1
    assert broken.left  # what it had begun before is taken back
    assert "no metrics here" in caplog.text


def test_a_report_costs_next_to_nothing(state, exported):
    gauges, count = Gauges(state), 10_000
    number = state.next_task().number
    gauges.on_step_end(0, [])
    began = time.process_time()
    for _ in range(count):
        tell(gauges, number, loss=0.5)
        gauges.on_step_end(0, [])
    assert (time.process_time() - began) / count < 50e-6


def test_looks_that_take_long_are_seldom():
    class Slow(Onlooker):
        every, looks = 0.0, 0

        def look(self, trials):
            self.looks += 1
            time.sleep(0.05)

    slow = Slow()
    for _ in range(1000):
        slow.on_step_end(0, [])
    assert slow.looks == 1
