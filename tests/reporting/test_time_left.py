"""How long a search still takes, where trials are stopped early."""

import random
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState

from raypose.config import Goal
from raypose.reporting.snapshot import Snapshot
from raypose.reporting.time_left import Survival

RULES = {3: 0.5, 7: 0.5}  # at these epochs this share of what has come to them is stopped


def redistributed(ended, running, last):
    """The mean length by Efron's other way to the same estimate (1967): whoever still runs hands its part of the whole to
    those who came further."""
    known = sorted([(length, 0) for length in ended] + [(length, 1) for length in running])
    weights = [1 / len(known)] * len(known)
    for i, (_, runs) in enumerate(known):
        if runs and i + 1 < len(known):
            weights[i + 1 :] = [w + weights[i] / (len(known) - i - 1) for w in weights[i + 1 :]]
            weights[i] = 0.0
    return sum(w * (last if runs else min(length, last)) for w, (length, runs) in zip(weights, known, strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_the_mean_length_is_that_of_kaplan_and_meier(seed):
    rng = random.Random(seed)
    ended = [rng.choice([3, 7, 12, 20]) for _ in range(rng.randint(1, 12))]
    running = [rng.randint(0, 19) for _ in range(rng.randint(0, 8))]
    assert Survival(ended, running).further(0, 20) == pytest.approx(redistributed(ended, running, 20))


def test_who_runs_has_come_as_far_as_it_is():
    survival = Survival([3, 3, 20], [10])
    assert survival.further(3, 20) == 17
    assert survival.further(10, 20) == 10
    assert survival.further(20, 20) == 0
    assert Survival([]).further(0, 20) == 20


def search(seed, trials=60, at=8, epochs=20, pause=60.0):
    """The trials of a search with a minute an epoch, as (start, length, state); and how long it took."""
    rng, free, found = random.Random(seed), [0.0] * at, []
    for _ in range(trials):
        length = next((epoch for epoch, share in RULES.items() if rng.random() < share), epochs)
        start = min(free)
        free[free.index(start)] = start + length * pause
        found.append((start, length))
    return found, max(free)


def seen(found, moment, epochs=20, pause=60.0):
    """What is known of it at a moment."""
    began, now = datetime(2026, 1, 1), datetime(2026, 1, 1) + timedelta(seconds=moment)
    trials = []
    for number, (start, length) in enumerate(each for each in found if each[0] <= moment):
        done = min(int((moment - start) / pause), length)
        ended = moment >= start + length * pause
        state = TrialState.RUNNING if not ended else TrialState.COMPLETE if length == epochs else TrialState.PRUNED
        trials.append(
            SimpleNamespace(
                number=number, state=state, user_attrs={}, params={}, constraints={}, values=[0.5],
                intermediate_values=dict.fromkeys(range(1, done + 1), 0.5),
                datetime_start=began + timedelta(seconds=start),
                duration=timedelta(seconds=length * pause) if ended else None,
            )
        )  # fmt: skip
    lengths = {trial.number: epochs for trial in trials}
    return Snapshot(trials, [Goal("AP", "max")], len(found), {}, lengths, began, now)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.6, 0.9])
def test_it_is_right_from_the_start_where_trials_are_stopped_early(part):
    """On average over searches: within a fifth, also where only what was stopped first has ended."""
    ratios = []
    for seed in range(20):
        found, took = search(seed)
        snapshot = seen(found, part * took)
        ratios.append(snapshot.seconds_left / (took - part * took))
    assert 0.8 < sum(ratios) / len(ratios) < 1.2


def test_the_longest_trial_is_waited_for():
    found = [(0.0, 3), (0.0, 20)]
    assert seen(found, 4 * 60.0).seconds_left == pytest.approx(16 * 60, rel=0.1)


def test_it_is_unknown_before_the_first_epoch_and_when_nothing_runs():
    found, took = search(0)
    assert seen(found, 1.0).seconds_left is None
    assert seen(found, took + 1).seconds_left is None
    assert "left" not in seen(found, took + 1).times
