"""Workers that break, each in its own way, on a cluster of three nodes."""

import json

import pytest
from driving import check_nothing_is_lost, run, trials

pytestmark = pytest.mark.slow

# What each kind of trial ends as. What is lost once goes on from its checkpoint and comes to its end.
ENDS = {
    "good": ("COMPLETE", ""),
    "raises": ("FAIL", "raised"),
    "raises at first": ("FAIL", "raised"),
    "nan": ("FAIL", "nan"),
    "memory": ("FAIL", "out_of_memory"),
    "hangs": ("FAIL", "hang"),
    "sleeps": ("FAIL", "hang"),
    "hangs at first": ("FAIL", "hang"),
    "exits": ("COMPLETE", ""),
    "exits always": ("FAIL", "worker_lost"),
    "killed": ("COMPLETE", ""),
    "damaged": ("COMPLETE", ""),
    "damaged twice": ("COMPLETE", ""),
}
STARTS = {  # of epochs
    "raises at first": "1",
    "hangs": "1 2 3",
    "exits": "1 2 3 3 4",
    "killed": "1 2 3 3 4",
    "exits always": "1 2 3 3 3",
    "damaged": "1 2 3 2 3 4",
    "damaged twice": "1 2 3 1 2 3 4",
}


def test_each_fault_has_its_reason_and_the_others_go_on(tmp_path, three_nodes, inject, lost):
    kinds = list(ENDS)
    inject(*(kind for kind in kinds if kind != "good"))
    after = run(tmp_path, three_nodes.address, kinds=kinds, stall=25, at_a_time=5)
    found = {json.loads(each.params["kind"]): each for each in after}
    assert {kind: (each.state, each.reason) for kind, each in found.items()} == ENDS
    after = check_nothing_is_lost(tmp_path, {}, len(kinds), lost)
    starts = {each: (trials(tmp_path) / f"{found[each].number:04d}" / "starts.txt").read_text() for each in STARTS}
    assert {kind: " ".join(text.split()) for kind, text in starts.items()} == STARTS
    assert "scripted.py" in found["hangs"].detail
    assert "no report for" in found["hangs"].detail
    assert max(each.value for each in after.values() if each.state == "COMPLETE") == 3.0
