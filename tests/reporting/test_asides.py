"""What is said of a study besides its trials."""

from types import SimpleNamespace

from rich.console import Console

from raypose.cli._result import print_result
from raypose.config import Goal
from raypose.reporting.asides import asides
from raypose.reporting.epochs import INHERITED
from raypose.reporting.records import Record
from raypose.reporting.roles import DUPLICATE, ROLE
from raypose.space import Space
from raypose.tuning.result import SearchResult


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


def test_a_search_of_which_all_was_taken_over_says_so(tmp_path, capsys):
    told = ["3 duplicates were not trained again", "3 trials taken over from first, the best with AP 0.6"]
    result = SearchResult(tmp_path, [], stopped="every configuration of the space has been tried", asides=told)
    assert print_result(Console(width=200), result, Space.parse("{name: a, tune: {metric: AP}}")) == 1
    out = capsys.readouterr().out
    assert f"no trial was run; every configuration of the space has been tried; {told[0]}; {told[1]}" in out
    assert "the reasons are in the table" not in out


def test_commands_are_printed_as_a_shell_takes_them(tmp_path, capsys):
    (folder := tmp_path / "two words" / "a" / "best").mkdir(parents=True)
    result = SearchResult(folder.parent, [Record(0, "COMPLETE", 0.5, 1, {})])
    assert print_result(Console(width=200), result, Space.parse("{name: a, tune: {metric: AP}}")) == 0
    out = capsys.readouterr().out
    assert f"raypose train '{folder}'" in out
    assert f"tensorboard --logdir '{tmp_path / 'two words'}'" in out
