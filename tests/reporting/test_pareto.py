"""The Pareto front against a loop over all pairs, and how it is told."""

import io

import numpy as np
import pytest
from rich.console import Console

from raypose.config import Goal
from raypose.reporting.leaderboard import leaderboard
from raypose.reporting.outcomes import unmet
from raypose.reporting.pareto import Front, front, front_table
from raypose.reporting.records import Record, ranked, winner

GOALS = [Goal("AP", "max"), Goal("flops", "min")]


def make(number, ap, flops, state="COMPLETE", **more):
    return Record(number, state, ap, 3, {"x": ap}, values={"AP": ap, "flops": flops}, **more)


@pytest.mark.parametrize("goals", [GOALS, [*GOALS, Goal("latency", "min")]], ids=len)
def test_the_front_is_what_a_loop_over_all_pairs_finds(goals):
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = rng.integers(0, 6, (40, len(goals))).astype(float)  # few values, so that many are equal
        found = Front(goals)
        for number, each in enumerate(values):
            on_it = found.add(number, each)
            assert on_it == (number in found.numbers)
        low = values * [-1 if goal.mode == "max" else 1 for goal in goals]
        slow = [
            i for i in range(40) if not any((low[j] <= low[i]).all() and (low[j] < low[i]).any() for j in range(40))
        ]
        assert sorted(found.numbers) == slow
        firsts = [values[number][0] for number in found.numbers]
        assert firsts == sorted(firsts, reverse=True)


RECORDS = [
    make(0, 0.5, 2e9),
    make(1, 0.4, 1e9),
    make(2, 0.3, 3e9),
    make(3, 0.9, 1e8, "PRUNED"),
    make(4, 0.8, 1e8, breaks={"AP >= 0.85": 0.06}, outcomes={"AP": 0.8}),
    make(5, 0.95, 1e8, role="repeat", of=0),
    make(6, 0.5, 3e9),
    make(7, 0.6, 9e9),
]


def test_what_was_stopped_breaks_a_constraint_or_repeats_is_on_no_front():
    assert [each.number for each in front(RECORDS, GOALS)] == [7, 0, 1]
    assert front(RECORDS, GOALS[:1]) == []


def test_what_breaks_a_constraint_ranks_after_what_breaks_none_and_never_wins():
    order = [each.number for each in ranked(RECORDS, GOALS)]
    assert order == [7, 0, 6, 1, 2, 4, 3, 5]  # 0 and 6 reach the same AP: the next objective decides
    assert winner(ranked(RECORDS, GOALS)).number == front(RECORDS, GOALS)[0].number
    assert winner([RECORDS[4]]) is None


def test_tables_have_a_column_for_each_objective():
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(front_table(front(RECORDS, GOALS), GOALS))
    console.print(leaderboard(ranked(RECORDS, GOALS), [goal.metric for goal in GOALS]))
    text = console.export_text()
    assert "Pareto front (* best of its column)" in text
    heading, *rows = [line.split() for line in text.splitlines()[1:5]]
    assert heading == ["trial", "AP", "↑", "flops", "↓", "configuration"]
    assert [row[:3] for row in rows] == [["7", "0.6*", "9e+09"], ["0", "0.5", "2e+09"], ["1", "0.4", "1e+09*"]]
    assert "breaks AP >= 0.85: x 0.8" in text
    assert "1e+08" in text


def test_the_nearest_is_told_where_no_trial_meets_a_constraint():
    far = make(8, 0.2, 1e8, breaks={"AP >= 0.85": 0.8, "latency <= 5": 1.0}, outcomes={"AP": 0.2})
    assert unmet([RECORDS[4], far]) == "no trial meets 'AP >= 0.85': the nearest is trial 4 with AP 0.8"
    assert unmet([RECORDS[0], far]) == unmet([RECORDS[3]]) == ""
    other = make(9, 0.9, 1e8, breaks={"latency <= 5": 0.01}, outcomes={"latency": 5.05})
    assert unmet([RECORDS[4], other]) == (
        "no trial meets all of 'AP >= 0.85', 'latency <= 5': the nearest is trial 9 with latency 5.05"
    )
