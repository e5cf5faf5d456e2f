"""Draws that broke a constraint are told as a number, not as trials."""

import json
import re

import optuna
import pytest
from click.testing import CliRunner
from rich.console import Console

from raypose import journal
from raypose.cli._result import print_result
from raypose.cli.show import command
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.records import load_records
from raypose.reporting.roles import INFEASIBLE, ROLE
from raypose.space import Space
from raypose.tuning.result import SearchResult

LINE = "3 draws broke a constraint: flops <= 2e9 (3), params <= 1e7 (1)"
DRAWS = [  # violations of both constraints
    (-0.5, -0.5), (0.5, -0.5), (0.25, 1.0), (0.0, 0.0), (1e-9, 0.0),
]  # fmt: skip


@pytest.fixture
def experiment(tmp_path):
    study = optuna.create_study(
        study_name=journal.STUDY_NAME, storage=journal.storage(tmp_path, write=True), direction="maximize"
    )
    for flops, params in DRAWS:
        trial = study.ask()
        trial.suggest_int("width", 1, 9)
        trial.set_constraint("flops <= 2e9", flops)
        trial.set_constraint("params <= 1e7", params)
        if flops > 0:
            trial.set_user_attr(ROLE, INFEASIBLE)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            trial.report(0.5, 1)
            study.tell(trial, 0.5)
    study.enqueue_trial({"width": 3})
    (tmp_path / "space.yaml").write_text("name: counted\ntune: {metric: AP}\n")
    return tmp_path


def test_they_are_counted_apart_from_the_records(experiment):
    records, infeasible = load_records(experiment)
    assert [record.number for record in records] == [0, 3]
    assert infeasible == Infeasible(3, {"flops <= 2e9": 3, "params <= 1e7": 1})
    assert str(infeasible) == LINE
    assert str(Infeasible(1, {"flops <= 2e9": 1})) == "1 draw broke a constraint: flops <= 2e9 (1)"
    assert not Infeasible.count([])


def test_raypose_show(experiment):
    shown = CliRunner().invoke(command, [str(experiment)], catch_exceptions=False).output
    assert "2 trials" in shown
    assert len(re.findall("COMPLETE|PRUNED|WAITING", shown)) == 2
    assert LINE in shown
    told = json.loads(CliRunner().invoke(command, [str(experiment), "--json"], catch_exceptions=False).output)
    assert [trial["number"] for trial in told["trials"]] == [0, 3]
    assert told["infeasible"] == {"draws": 3, "constraints": {"flops <= 2e9": 3, "params <= 1e7": 1}}


def test_the_result(experiment, capsys):
    records, infeasible = load_records(experiment)
    result = SearchResult(experiment, records, infeasible=infeasible)
    assert print_result(Console(), result, Space.parse("{name: a, tune: {metric: AP}}")) == 0
    out = capsys.readouterr().out
    assert "2 COMPLETE" in out
    assert LINE in out
