"""What a report tells people to try next."""

from types import SimpleNamespace

import pytest

from raypose.config import Goal
from raypose.reporting.advice import advice, go_on
from raypose.reporting.records import Record
from raypose.space import Space

SPACE = """\
name: mice
sigma: {uniform: [0.8, 1.6]}
lr: {loguniform: [1e-5, 1e-1]}
dropout: {uniform: [0, 0.5]}
stacks: {randint: [1, 9]}
"""
AP = (Goal("AP", "max"),)
INSIDE = {"sigma": 1.2, "lr": 1e-3, "dropout": 0.25, "stacks": 4}


def experiment(*params, state="COMPLETE", goals=AP):
    own = [Record(i, state, 0.9 - i / 10, 9, {**INSIDE, **each}) for i, each in enumerate(params)]
    return SimpleNamespace(space=Space.parse(SPACE), own=own, best=own[0] if own else None, goals=goals)


@pytest.mark.parametrize(
    ("tried", "told"),
    [
        (
            [{"sigma": 1.58}, {"sigma": 1.55}, {}],
            "sigma 1.58 lies at the upper end of its range, 0.8 to 1.6, in most of",
        ),
        ([{"lr": 2e-5}, {}, {"lr": 1.2e-5}], "lr 2e-05 lies at the lower end of its range, 1e-05 to 0.1, in most of"),
        ([{"stacks": 8}] * 3, "stacks 8 lies at the upper end of its range, 1 to 8, in most of"),
    ],
)
def test_the_best_at_the_edge_of_a_range(tried, told):
    (line,) = advice(experiment(*tried))
    assert line.startswith(told)
    assert line.endswith("a wider range may hold better ones.")


@pytest.mark.parametrize(
    "tried",
    [
        [{"sigma": 1.58}, {}, {}],  # one in five is there by chance
        [{"sigma": 1.58}] * 2,
        [{}, {"sigma": 1.58}, {"sigma": 1.59}],  # but not the best
        [{"dropout": 0.001}] * 3,
        [{"stacks": 1}] * 3,  # nothing lies beyond
        [{"lr": 0.009}] * 3,  # near 0.1 only where the range is not logarithmic
        [],
    ],
    ids=str,
)
def test_nothing_is_told_by_chance_or_where_nothing_lies_beyond(tried):
    assert [*advice(experiment(*tried))] == []


def test_those_that_were_stopped_and_small_ones_say_nothing():
    assert [*advice(experiment(*[{"sigma": 1.58}] * 3, state="PRUNED"))] == []
    goals = Goal("flops", "min"), Goal("AP", "max")
    assert [*advice(experiment(*[{"sigma": 1.58}] * 3, goals=goals))] == []


def test_the_command_that_goes_on(tmp_path):
    folder = tmp_path / "a b" / "mice"
    folder.mkdir(parents=True)
    made = SimpleNamespace(folder=folder, own=[None] * 18)
    assert go_on(made) == ""
    (folder / "space.yaml").write_text(SPACE)
    where = f"'{folder / 'space.yaml'}' --experiments '{folder.parent}'"
    assert go_on(made) == f"raypose tune {where} --resume --num-trials 36"
