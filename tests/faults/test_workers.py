"""Workers and nodes that break, each in its own way, on a cluster of three nodes."""

import json
import threading
import time

import pytest
from scripted import make_trial, space

from raypose.reporting.records import load_records
from raypose.tuning.search import tune

pytestmark = pytest.mark.slow

# What each kind of trial ends as. What is lost once goes on from its checkpoint and comes to its end.
ENDS = {
    "good": ("COMPLETE", ""),
    "raises": ("FAIL", "raised"),
    "nan": ("FAIL", "nan"),
    "memory": ("FAIL", "out_of_memory"),
    "hangs": ("FAIL", "hang"),
    "sleeps": ("FAIL", "hang"),
    "hangs at first": ("FAIL", "hang"),
    "exits": ("COMPLETE", ""),
    "exits always": ("FAIL", "worker_lost"),
    "killed": ("COMPLETE", ""),
    "damaged": ("COMPLETE", ""),
}


def test_each_fault_has_its_reason_and_the_others_go_on(tmp_path, three_nodes, inject, lost):
    kinds = list(ENDS)
    inject(*(kind for kind in kinds if kind != "good"))
    result = tune(space(kinds, stall=25), trial=make_trial(), experiments=tmp_path, quiet=True)
    records = {json.loads(each.params["kind"]): each for each in result.records}
    for kind in set(kinds) - set(records):
        lost(kind)
    assert {kind: (each.state, each.reason) for kind, each in records.items()} == ENDS
    assert sorted(each.number for each in result.records) == list(range(len(kinds)))

    def starts(kind):
        return (result.folder / "trials" / f"{records[kind].number:04d}" / "starts.txt").read_text().split()

    assert starts("exits") == starts("killed") == ["1", "2", "3", "3", "4"]
    assert starts("damaged") == ["1", "2", "3", "2", "3", "4"]
    assert starts("exits always") == ["1", "2", "3", "3", "3"]
    assert starts("hangs") == ["1", "2", "3"]
    assert "scripted.py" in records["hangs"].detail
    assert "no report for" in records["hangs"].detail
    assert result.best.value == 3.0


def test_a_node_that_is_killed_takes_no_trial_with_it(tmp_path, three_nodes, inject, lost):
    folder = tmp_path / "faulty" / "trials"

    def kill_a_node():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for meta in folder.glob("*/meta.json"):
                node = json.loads(meta.read_text()).get("node")
                victims = [each for each in three_nodes.worker_nodes if each.node_id == node]
                if victims and (meta.parent / "metrics.jsonl").exists():
                    three_nodes.remove_node(victims[0], allow_graceful=False)
                    inject("node kill")
                    return
            time.sleep(0.1)

    thread = threading.Thread(target=kill_a_node)
    thread.start()
    result = tune(space(["good"], 6), trial=make_trial(pause=0.5), experiments=tmp_path, quiet=True)
    thread.join()
    three_nodes.add_node(num_cpus=2)
    assert len(three_nodes.worker_nodes) == 2
    states = {each.number: (each.state, each.epochs) for each in result.records}
    for number in set(range(6)) - set(states):
        lost(f"trial {number}")
    assert states == dict.fromkeys(range(6), ("COMPLETE", 4))
    assert load_records(result.folder)[0] == result.records
