"""optuna-dashboard opens an experiment's study as it is, and looking leaves the study's file alone."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from raypose.config import Tune, read
from raypose.space import Space
from raypose.tuning.search_state import SearchState

STATES = ["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "COMPLETE", "FAIL"]  # of the search in conftest.py


@pytest.fixture
def folder(mice, tmp_path):
    """A real search, which one more trial is asked of."""
    return shutil.copytree(mice, tmp_path / "mice")


@pytest.fixture
def address(folder, serve):
    program = Path(sys.executable).with_name("optuna-dashboard")
    found = str(program) if program.exists() else shutil.which("optuna-dashboard")
    if found is None:
        pytest.skip("no optuna-dashboard: pip install -e '.[test]'")
    return serve([found, str(folder / "study.journal"), "--server", "wsgiref"], "/dashboard")


def test_its_page_lists_the_trials(folder, address, open_page, artifacts):
    journal = folder / "study.journal"
    before, names = journal.read_bytes(), {each.name for each in folder.iterdir()}
    page = open_page(f"{address}/dashboard/studies/0/trials")
    listed = page.get_by_role("button").filter(has_text=re.compile(r"^Trial \d+"))
    listed.nth(5).wait_for()
    ends = [each.capitalize() for each in STATES]
    texts = listed.all_inner_texts()
    assert all(f"Trial {n}" in text and end in text for n, (text, end) in enumerate(zip(texts, ends, strict=True)))
    page.goto(f"{address}/dashboard/studies/0")
    page.get_by_text("Hyperparameter Importance").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=artifacts / "optuna-dashboard.png")
    assert journal.read_bytes() == before
    assert {each.name for each in folder.iterdir()} == names

    space = Space.load(folder / "space.yaml")
    tune = replace(read(Tune, space.default()["tune"]), num_trials=7)
    SearchState(space, folder, tune, seed=0, pruner=optuna.pruners.NopPruner()).next_task()
    page.goto(f"{address}/dashboard/studies/0/trials")  # the search goes on while somebody looks
    listed.nth(6).filter(has_text="Running").wait_for()
