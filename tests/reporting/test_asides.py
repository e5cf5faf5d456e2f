"""What is said of a study besides its trials."""

from types import SimpleNamespace

from raypose.config import Goal
from raypose.reporting.asides import asides
from raypose.reporting.epochs import INHERITED
from raypose.reporting.roles import DUPLICATE, ROLE


def trial(number, **attrs):
    return SimpleNamespace(number=number, state=SimpleNamespace(name="COMPLETE"), user_attrs=attrs)


def test_trials_that_are_none_and_trials_that_went_on_from_others():
    trials = [trial(0), trial(1, **{INHERITED: {"1": [0.5]}}), trial(2, **{ROLE: DUPLICATE})]
    assert asides(trials[:1], [Goal("AP", "max")]) == []
    assert asides(trials, [Goal("AP", "max")]) == [
        "1 duplicate was not trained again",
        "trial 1 went on from others on the way: lineage.jsonl in the trial's folder says from whom",
    ]
    (told,) = asides([trials[1], trial(3, **{INHERITED: {"1": [0.5]}})], [Goal("AP", "max")])
    assert told.startswith("trials 1, 3 went on from others")
