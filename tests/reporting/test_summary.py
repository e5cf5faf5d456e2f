"""What a search came to, in sentences: that they say what is so, and where there is too little to tell."""

import json

import pytest

from raypose.reporting.failures import Failures, failures
from raypose.reporting.importance import Importance
from raypose.reporting.leaderboard import describe
from raypose.reporting.summary import summary


def told(made):
    return "\n".join(summary(made.load()))


def test_what_won_by_how_much_and_what_was_saved(search):
    made = search(sampler={"type": "TPESampler", "n_startup_trials": 2})
    (made.folder / "space.yaml").write_text(
        (made.folder / "space.yaml").read_text() + "tune: {sampler: {type: TPESampler, n_startup_trials: 2}}\n"
    )
    made.run(0.1, 0.2, 0.3, 0.4)
    made.run(0.1, end="PRUNED")
    made.run(0.2, 0.3, 0.4, 0.62)
    made.run(0.2, 0.3, end="PRUNED")
    text = told(made)
    assert "Trial 2 is the best of 4 trials: AP 0.62 after 4 epochs, with " in text
    assert "That is 0.22 higher than the best of the first 2 trials, mostly drawn at random (AP 0.4)." in text
    assert "Half of" not in text  # of two that came to their end
    assert "Its lead on the next, trial 0, is 0.22; each was trained once" in text
    assert "What mattered cannot be told from 4 trials." in text
    assert "2 of 4 trials were stopped early: 11 epochs were trained in place of 16, 31% less." in text
    assert "from the first start to the last end" in text


def test_a_winner_among_the_first_and_one_that_is_lower(search):
    made = search(metric="EPE", sampler={"type": "TPESampler"})
    for value in (9.0, *[5.0 + i / 10 for i in range(10)]):
        made.run(10 - value)  # the row's own EPE is 10 less that
    text = told(made)
    assert "EPE 5 after" in text.splitlines()[0]
    assert "It is one of the first 10 trials, mostly drawn at random: the 1 since then came to nothing better." in text
    assert "Half of the 11 trials that came to their end have EPE 5.5 or more." in text
    made.run(3.0, end="PRUNED")
    made.run(3.0, end="PRUNED")
    assert "the 3 since then, 2 of them stopped early, came to nothing better." in told(made)


@pytest.mark.parametrize(
    ("repeats", "expected"),
    [
        ((0.5, 0.6, 0.55, 0.6), "within that spread, so that either may be the better one"),
        ((0.81, 0.5, 0.79, 0.51), "more than that spread"),
    ],
)
def test_a_lead_is_held_against_the_spread_of_repeats(search, repeats, expected):
    made = search(num_trials=2, repeats=2, repeat_best=2)
    made.run(0.5)
    made.run(0.8 if repeats[0] > 0.7 else 0.62)
    made.follow(*repeats)
    text = told(made)
    assert "in 3 runs with different seeds" in text
    assert expected in text


def test_the_final_model_and_the_test_data(search):
    made = search(num_trials=1, final=True)
    made.run(0.5)
    made.follow(0.55)
    metrics = made.folder / "final" / "metrics.json"
    metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "test": {"AP": 0.45, "PCK": None}}))
    text = told(made)
    assert "Trained once more for the final model, trial 0 came to AP 0.55." in text
    assert "On the test data, final/ has AP 0.45." in text


def test_a_front(search):
    made = search(metric=[{"AP": "max"}, {"flops": "min"}])
    made.run(0.6, flops=9.0)
    assert "It is the whole Pareto front" in told(made) or "it is the whole Pareto front" in told(made)
    made.run(0.4, flops=5.0)
    made.run(0.3, flops=6.0)
    text = told(made)
    assert "Trial 0 is the best of 3 trials by AP: AP 0.6, flops 9" in text
    assert "2 trials are on the Pareto front of AP (max) and flops (min), from AP 0.6, flops 9 (trial 0) to" in text
    assert "Its lead" not in text


def test_being_small_is_no_gain(search):
    made = search(metric=[{"flops": "min"}, {"AP": "max"}], sampler={"type": "TPESampler"})
    for value in range(12):
        made.run(5.0 + value, AP=0.1)
    assert "drawn at random" not in told(made)


def test_what_was_trained_once_may_be_above_the_mean_of_the_best(search):
    made = search(num_trials=3, repeats=2, repeat_best=1)
    made.run(0.8)
    made.run(0.7)
    made.run(0.6)
    made.follow(0.5, 0.5)
    assert "trial 1, trained once, came to 0.7." in told(made)


def test_of_many_dimensions_the_important_ones_are_named(search):
    made = search()
    made.run(0.5)
    experiment = made.load()
    best, names = experiment.best, [*experiment.best.params]
    assert experiment.described(best) == describe(best.params)
    importances = [Importance(name, 0.1, 9) for name in reversed(names)]
    experiment.__dict__["importances"] = importances
    assert (
        experiment.described(best, most=1)
        == f"{describe({names[-1]: best.params[names[-1]]})} and {len(names) - 1} more"
    )


def test_what_mattered_is_named_with_its_part(search, monkeypatch):
    made = search()
    made.run(0.5)
    found = [
        Importance("optimizer.lr", 0.41, 40),
        Importance("model.backbone", 0.2, 4, "too few"),
        Importance("x", 0.01, 40),
    ]
    monkeypatch.setattr("raypose.reporting.experiment.importances", lambda experiment: found)
    assert (
        "What mattered, as far as 1 trial can tell, as part of the differences between trials: optimizer.lr (41%)."
        in told(made)
    )


def test_what_is_running_what_failed_and_what_breaks_a_constraint(search):
    made = search(constraints=["AP >= 0.9"])
    assert summary(made.load()) == ["No trial was trained yet."]
    made.run(0.5)
    for _ in range(2):
        made.run(0.1, end="FAIL", reason="raised", detail="File x\nValueError: no")
    made.run(end="FAIL", reason="hang")
    made.run(0.2, end=None)
    text = told(made)
    assert text.startswith(
        "The search is not over: trial 4 is still running, or interrupted.\nNo trial meets 'AP >= 0.9'"
    )
    assert "2 trials failed (1, 2), raised: ValueError: no." in text
    assert "1 trial failed (3), hang." in text
    assert str(Failures("hang", "", list(range(9)))) == "9 trials failed (0, 1, 2, 3, 4, ...), hang"
    assert "never the best: AP >= 0.9 (1)." in text
    assert failures(made.load()) == [Failures("raised", "ValueError: no", [1, 2]), Failures("hang", "", [3])]


def test_no_trial_has_ended(search):
    made = search()
    made.run(0.2, end=None)
    assert "No trial has come to its end so far." in told(made)
    made.run(0.1, end="PRUNED")
    assert "1 of 2 trials was stopped early" in told(made)
