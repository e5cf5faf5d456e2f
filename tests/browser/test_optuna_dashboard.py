"""optuna-dashboard opens an experiment's study as it is, and looking leaves the study's file alone."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.search_state import SearchState

SPACE = "{name: states, kind: {choice: [{type: A, depth: {choice: [18, 50]}}, {type: B}]}, x: {uniform: [0, 1]}}"


@pytest.fixture
def state(tmp_path):
    (tmp_path / "trials").mkdir()
    tune = Tune(metric="AP", num_trials=6)
    state = SearchState(Space.parse(SPACE), tmp_path, tune, seed=3, pruner=optuna.pruners.NopPruner())
    state.study.sampler = optuna.samplers.RandomSampler(seed=1)
    return state


@pytest.fixture
def address(tmp_path):
    program = Path(sys.executable).with_name("optuna-dashboard")
    found = str(program) if program.exists() else shutil.which("optuna-dashboard")
    if found is None:
        pytest.skip("no optuna-dashboard: pip install -e '.[test]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [found, str(tmp_path / "study.journal"), "--port", str(port), "--server", "wsgiref"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


def run(state, end):
    task = state.next_task()
    for epoch in (1, 2):
        state.report(task.number, epoch, {"AP": 0.1 * epoch + 0.05 * task.number})
    if end is not None:
        state.finish(task.number, end)


def test_its_page_lists_the_trials(state, address, tmp_path, open_page, artifacts):
    for end in (TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, None):
        run(state, end)
    journal = tmp_path / "study.journal"
    before, names = journal.read_bytes(), {each.name for each in tmp_path.iterdir()}
    page = open_page(f"{address}/dashboard/studies/0/trials")
    listed = page.get_by_role("button").filter(has_text=re.compile(r"^Trial \d+"))
    listed.nth(4).wait_for()
    ends = ("Complete", "Complete", "Pruned", "Fail", "Running")
    texts = listed.all_inner_texts()
    assert all(f"Trial {n}" in text and end in text for n, (text, end) in enumerate(zip(texts, ends, strict=True)))
    page.goto(f"{address}/dashboard/studies/0")
    page.get_by_text("Hyperparameter Importance").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=artifacts / "optuna-dashboard.png")
    assert journal.read_bytes() == before
    assert {each.name for each in tmp_path.iterdir()} == names

    run(state, TrialState.COMPLETE)  # the search goes on while somebody looks
    page.goto(f"{address}/dashboard/studies/0/trials")
    listed.nth(5).wait_for()
