"""Shares of variance against functions whose first-order indices are known."""

import numpy as np
import pytest

from raypose.reporting.shares import shares


def ishigami(x):
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])


def test_the_ishigami_function():
    """Its first-order indices: 0.314, 0.442, 0 (Ishigami and Homma, 1990); ours are of ranks, which differ a little."""
    x = np.random.default_rng(0).uniform(-np.pi, np.pi, (3, 1000))
    found = shares({name: row.tolist() for name, row in zip("abc", x, strict=True)}, ishigami(x))
    assert [found["a"], found["b"], found["c"]] == pytest.approx([0.314, 0.442, 0], abs=0.09)


@pytest.mark.parametrize(("rows", "near"), [(150, 0.13), (1000, 0.06)])
def test_a_sum_among_thirty_columns(rows, near):
    rng = np.random.default_rng(1)
    columns = {f"x{i}": rng.uniform(size=rows).tolist() for i in range(30)}
    values = 4 * np.array(columns["x0"]) + 2 * np.array(columns["x1"]) + rng.normal(size=rows) * 0.5
    found = shares(columns, values)
    whole = 16 / 12 + 4 / 12 + 0.25
    assert found["x0"] == pytest.approx(16 / 12 / whole, abs=near)
    assert found["x1"] == pytest.approx(4 / 12 / whole, abs=near)
    assert max(found[f"x{i}"] for i in range(2, 30)) < near / 2


def test_what_two_branches_differ_by_is_the_choices_and_what_is_in_one_is_its_dimensions():
    """y = 2 in branch b, and x within branch a, uniform in 0..1: a third of the rows, so that the variance within is
    1/12 of them; ranks keep that order."""
    rng, rows = np.random.default_rng(2), 900
    branch = rng.permutation(np.repeat(["a", "b", "b"], rows // 3))
    x, other = rng.uniform(size=rows), rng.uniform(size=rows)
    values = np.where(branch == "a", x, 2 + 0.01 * rng.normal(size=rows))
    columns = {
        "branch": branch.tolist(),
        "branch.a.x": [v if b == "a" else None for v, b in zip(x.tolist(), branch, strict=True)],
        "branch.b.other": [v if b == "b" else None for v, b in zip(other.tolist(), branch, strict=True)],
    }
    found = shares(columns, values)
    ranks = values.argsort().argsort()
    between = sum((branch == b).sum() * (ranks[branch == b].mean() - ranks.mean()) ** 2 for b in "ab")
    within = ((ranks[branch == "a"] - ranks[branch == "a"].mean()) ** 2).sum()
    whole = ((ranks - ranks.mean()) ** 2).sum()
    assert found["branch"] == pytest.approx(between / whole, abs=0.02)
    assert found["branch.a.x"] == pytest.approx(within / whole, abs=0.02)
    assert found["branch.b.other"] < 0.02


@pytest.mark.parametrize("rows", [12, 40, 120])
def test_chance_is_not_explained(rows):
    """Fitted and told on the same rows, 30 columns would explain nearly all of 40."""
    rng = np.random.default_rng(3)
    totals = []
    for _ in range(3):
        columns = {f"x{i}": rng.uniform(size=rows).tolist() for i in range(30)}
        totals.append(sum(shares(columns, rng.normal(size=rows)).values()))
    assert np.median(totals) < 0.05


def test_values_that_are_all_equal_and_columns_that_say_nothing():
    assert shares({"a": [1, 2, 3], "b": [None, None, None]}, [1.0, 1.0, 1.0]) == {"a": 0.0, "b": 0.0}
    found = shares({"a": list(range(20)), "b": [None] * 20, "c": ["x"] * 20, "d": [0.5] * 20}, list(range(20)))
    assert found["a"] > 0.9
    assert found["b"] == found["c"] == found["d"] == 0.0
    assert shares({}, [1.0, 2.0]) == {}
