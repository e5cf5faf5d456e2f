import io

import pytest
from rich.console import Console

from raypose.config import Goal
from raypose.reporting.leaderboard import describe, leaderboard
from raypose.reporting.records import Record, ranked

RECORDS = [
    Record(0, "FAIL", None, 1, {}, "raised", "File x\nValueError: no"),
    Record(1, "COMPLETE", 0.5, 9, {"model.backbone": "ResNet", "optimizer.AdamW.lr": 0.00123}, seconds=75.0),
    Record(2, "PRUNED", 0.7, 3, {"model.backbone": "ResNet", "model.backbone.ResNet.depth": "18"}),
    Record(3, "COMPLETE", 0.6, 9, {}, seconds=3700.0),
    Record(4, "RUNNING", 0.9, 2, {}),
]


@pytest.mark.parametrize(("mode", "expected"), [("max", [3, 1, 2, 4, 0]), ("min", [1, 3, 2, 4, 0])])
def test_finished_trials_lead_and_the_best_is_first(mode, expected):
    assert [record.number for record in ranked(RECORDS, [Goal("AP", mode)])] == expected


def test_the_table_fits_80_columns_and_tells_why_a_trial_failed():
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(leaderboard(ranked(RECORDS, [Goal("AP", "max")]), ["AP"]))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "raised: ValueError: no" in text
    assert "ResNet, lr 0.0012" in text
    assert "1:15" in text


def test_describe():
    assert describe(RECORDS[2].params) == "ResNet, depth 18"
    assert describe({"a.angle": 112.0, "a.size": 1234.5, "a.on": "true", "a.mode": '"bilinear"', "a.net": "残差"}) == (
        "angle 112, size 1234, on true, bilinear, 残差"
    )
