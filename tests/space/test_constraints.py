"""Constraints on a configuration's cost: what they say, and what is refused."""

import math
import random

import pytest

from raypose import RayPoseError
from raypose.space.constraints import NAMES, Constraint

COST = {"params": 11e6, "flops": 3e9, "memory": 1e9}


@pytest.mark.parametrize(
    ("text", "names", "violation"),
    [
        ("flops <= 2e9", ("flops",), 0.5),
        ("flops <= 4e9", ("flops",), -0.25),
        ("  params + 0 <= 10e6 ", ("params",), 0.1),
        ("flops / params < 500", ("params", "flops"), 3e9 / 11e6 / 500 - 1),
        ("22e6 <= params", ("params",), 0.5),
        ("1e6 <= params", ("params",), -10.0),
        ("memory >= 2000000000", ("memory",), 0.5),
        ("flops > memory + flops / 2", ("flops", "memory"), -0.5 / 3),
        ("-params >= -.5e7", ("params",), 1.2),
        ("2 * (memory - 1e9 / 2) - -1 <= 3 * 4 * 1e8", ("memory",), (1e9 + 1) / 1.2e9 - 1),
        ("6 / 3 / 2 * memory <= 1e9", ("memory",), 0.0),
        ("flops - memory - memory <= 1e9", ("flops", "memory"), 0.0),
        ("flops <= 0", ("flops",), 1.0),
    ],
)
def test_what_holds_is_at_most_0_and_the_rest_is_in_parts_of_the_bound(text, names, violation):
    constraint = Constraint.parse(text)
    assert (constraint.text, constraint.names) == (text.strip(), names)
    assert constraint.violation(COST) == pytest.approx(violation, abs=1e-12)


@pytest.mark.parametrize(("comparison", "holds"), [("<=", True), (">=", True), ("<", False), (">", False)])
def test_what_equals_its_bound(comparison, holds):
    violation = Constraint.parse(f"flops {comparison} 3e9").violation(COST)
    assert violation == 0 if holds else 0 < violation < 1e-6


@pytest.mark.parametrize("text", ["flops / (params - 11e6) < 5", "flops / (params - 11e6) > 5", "flops * 1e308 < 1"])
def test_what_has_no_finite_value_is_broken(text):
    assert Constraint.parse(text).violation(COST) == math.inf


def test_expressions_mean_what_they_mean_in_python():
    rng = random.Random(0)

    def expression(depth):
        if depth == 0 or rng.random() < 0.2:
            return rng.choice([*NAMES, "2e9", "0.5", "17", "10e6"])
        inner = f"{expression(depth - 1)} {rng.choice('+-*/')} {expression(depth - 1)}"
        return f"({inner})" if rng.random() < 0.4 else inner

    for _ in range(200):
        left, right = expression(3), expression(2)
        python = f"{left} <= {right}"
        try:
            expected = eval(python, {}, dict(COST))
            constraint = Constraint.parse(python)
        except (ZeroDivisionError, RayPoseError):
            continue
        assert (constraint.violation(COST) <= 0) == expected, python


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flop <= 2e9", "unknown name 'flop' at character 1; did you mean 'flops'?"),
        ("2 * GFLOPs <= 2", "unknown name 'GFLOPs' at character 5; did you mean 'flops'?"),
        ("__import__('os') < 3", "unknown name '__import__' at character 1; known: flops, memory, params"),
        (
            "flops == 2e9",
            "it needs one of <= < >= > at character 7, but got '=='; costs are seldom met exactly: write <= or",
        ),
        ("flops", "it needs one of <= < >= > at its end"),
        ("", "it needs a number or one of params, flops, memory at its end"),
        ("flops <=", "it needs a number or one of params, flops, memory at its end"),
        ("flops <= 2G", "flops, memory at character 10, but got '2G'; numbers are written as in 2e9, 0.5 or 1000000"),
        ("flops <= 1_000", "at character 10, but got '1_000'; numbers are written as in 2e9"),
        ("flops ** 2 < 3", "at character 8, but got '*'"),
        ("flops % 2 < 3", "it needs one of <= < >= > at character 7, but got '%'"),
        ("(flops <= 2", "it needs a ) at character 8, but got '<='"),
        ("flops <= 2e9 GFLOPs", "it needs an end or one of + - * / at character 14, but got 'GFLOPs'"),
        ("1 < params < 3", "at character 12, but got '<'; write two constraints, each with one comparison"),
        ("flops < 2 and params < 3", "at character 11, but got 'and'; write each constraint as a string of its own"),
        ("1 < 2", "it names no cost; known: params, flops, memory"),
        ("flops <= 1e400", "its bound is no finite number"),
        ("flops <= 1 / 0", "its bound is no finite number"),
        ("(" * 1000 + "flops", "it is longer than 200 characters"),
    ],
)
def test_what_is_no_constraint_is_refused_with_its_place(text, message):
    with pytest.raises(RayPoseError) as error:
        Constraint.parse(text)
    (problem,) = error.value.problems
    assert problem.rule == "bad-constraint"
    assert str(problem).startswith(f"constraint '{text}': ")
    assert message in str(problem)
