"""Whether all trials trained the same, from their meta.json."""

import json
from dataclasses import asdict

import pytest

from raypose.reporting.sameness import Sameness


def meta(number, torch="2.14.1", params=None, **entries):
    built = {"model": "m", "optimizer": "o", "parameters": 7, "groups": []}
    versions = {"raypose": "0.1", "torch": torch}
    params = {"x": number} if params is None else params
    known = {"number": number, "versions": versions, "host": "a", "python": "3.11", "git": "abc", "git_changed": False}
    return {**known, "params": params, "fingerprint": built, **entries}


def test_all_the_same():
    found = Sameness.of([meta(0), meta(1), meta(2)])
    assert str(found) == "raypose, torch, python, host, commit are the same in all 3 runs"
    assert found.same == {"raypose": "0.1", "torch": "2.14.1", "python": "3.11", "host": "a", "commit": "abc"}
    assert (found.differences, found.unequal) == ({}, [])


def test_what_differs_names_the_fewer_trials():
    found = Sameness.of([*(meta(n) for n in range(38)), meta(38, "2.13.0"), meta(39, "2.13.0"), meta(40, host="b")])
    assert str(found) == (
        "trials differ in torch: 2.14.1 (39), 2.13.0 (2: trials 38, 39); trials differ in host: a (40), b (1: trial 40)"
    )
    assert found.lines()[0] == "raypose, python, commit are the same in all 41 runs"
    assert found.differences["torch"]["2.13.0"] == [38, 39]
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_a_commit_with_changes_is_another_one():
    found = Sameness.of([meta(0), meta(1, git_changed=True), meta(2, git=None)])
    assert (
        str(found) == "trials differ in commit: abc (1), abc with uncommitted changes (1: trial 1), none (1: trial 2)"
    )


@pytest.mark.parametrize("what", ["model", "optimizer"])
def test_equal_configurations_must_build_equal_models_and_optimizers(what):
    other = {**meta(0)["fingerprint"], what: "?"}
    same = [meta(0, params={"x": 0.1}), meta(1, params={"x": 0.2}, fingerprint=other), meta(2, params={"x": 0.1})]
    assert Sameness.of(same).unequal == []
    found = Sameness.of([*same, meta(7, params={"x": 0.1}, fingerprint=other)])
    assert found.unequal == [{"what": what, "trials": [[0, 2], [7]]}]
    assert str(found) == f"the same configuration built different {what}s in trials 0, 2; trial 7"


def test_a_folder_with_damaged_and_without_trials(tmp_path):
    assert (str(Sameness.read(tmp_path)), Sameness.read(tmp_path).trials) == ("", 0)
    for number in range(3):
        folder = tmp_path / "trials" / f"{number:04d}"
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(json.dumps(meta(number)) if number else '{"torn')
    assert Sameness.read(tmp_path).trials == 2
    assert str(Sameness.of([meta(0)])) == ""
