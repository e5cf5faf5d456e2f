"""What a search came to, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from raypose.files import read_json
from raypose.reporting.advice import advice
from raypose.reporting.effort import saved, took
from raypose.reporting.failures import failures
from raypose.reporting.importance import ENOUGH
from raypose.reporting.margin import gain, lead
from raypose.reporting.outcomes import unmet
from raypose.reporting.words import counted, shown

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment

NAMED = 4  # dimensions that are named
SOME = 0.05  # of the differences between trials that a dimension accounts for, to be named


def summary(experiment: Experiment) -> list[str]:
    """What won and by how much, what mattered, what was saved, how long it took, what failed: a sentence or two each, which
    say where there is too little to tell.

    Example:
        >>> print(*summary(load_experiment("experiments/quickstart")), sep="\\n")
        Trial 1 is the best of 18 trials: AP 0.6325 after 12 epochs, with HourglassNet, feat_channel 24, lr 0.007.
        ...
    """
    if not experiment.own:
        return ["No trial was trained yet.", *_sentences(experiment.asides)]
    parts = (_running, _won, _front, gain, lead, _final, _mattered, advice, saved, took, _failed, _aside)
    return list(chain.from_iterable(part(experiment) for part in parts))


def _running(experiment: Experiment) -> Iterable[str]:
    if running := sorted(each.number for each in experiment.records if each.state == "RUNNING"):
        yield f"The search is not over: {_named(running)} still running, or interrupted."


def _won(experiment: Experiment) -> Iterable[str]:
    best = experiment.best
    if best is None:
        yield _sentence(unmet(experiment.records) or "no trial has come to its end so far")
        return
    so_far = " so far" if any(each.state == "RUNNING" for each in experiment.own) else ""
    by = f" by {experiment.goals[0].metric}" if len(experiment.goals) > 1 else ""
    told = f"Trial {best.number} is the best of {counted(len(experiment.own), 'trial')}{by}{so_far}"
    reached = f"{shown(best.values)} after {counted(best.epochs, 'epoch')}"
    yield f"{told}: {reached}, with {experiment.described(best) or 'nothing that is searched'}."


def _front(experiment: Experiment) -> Iterable[str]:
    points = experiment.front
    if not points:
        return
    names = " and ".join(f"{goal.metric} ({goal.mode})" for goal in experiment.goals)
    if len(points) == 1:
        yield f"No other trial is better in any of {names}: it is the whole Pareto front."
        return
    first, last = points[0], points[-1]
    ends = f"from {shown(first.values)} (trial {first.number}) to {shown(last.values)} (trial {last.number})"
    yield f"{counted(len(points), 'trial')} are on the Pareto front of {names}, {ends}: none is better in everything."


def _final(experiment: Experiment) -> Iterable[str]:
    final = experiment.final
    if final is not None and final.state == "COMPLETE" and final.value is not None:
        yield f"Trained once more for the final model, trial {final.of} came to {shown(final.values)}."
    for name in ("final", "best"):
        if test := read_json(experiment.folder / name / "metrics.json").get("test"):
            asked = {goal.metric: test[goal.metric] for goal in experiment.goals if goal.metric in test}
            yield f"On the test data, {name}/ has {shown(asked or test)}."
            return


def _mattered(experiment: Experiment) -> Iterable[str]:
    ended = sum(each.state in ("COMPLETE", "PRUNED") for each in experiment.own)
    found = experiment.importances
    if not found:
        return
    named = [each for each in found if each.value >= SOME and not each.note][:NAMED]
    if not named and ended < 3 * ENOUGH:
        yield f"What mattered cannot be told from {counted(ended, 'trial')}."
        return
    if not named:
        yield f"No dimension by itself made a difference that {ended} trials show."
        return
    each = ", ".join(f"{one.name} ({one.value:.0%})" for one in named)
    little = f", as far as {counted(ended, 'trial')} can tell" if ended < 3 * ENOUGH else ""
    yield f"What mattered{little}, as part of the differences between trials: {each}."


def _failed(experiment: Experiment) -> Iterable[str]:
    return _sentences(str(each) for each in failures(experiment))


def _aside(experiment: Experiment) -> Iterable[str]:
    told = [str(experiment.infeasible)] if experiment.infeasible else []
    if broken := Counter(text for each in experiment.own for text in each.breaks):
        each = ", ".join(f"{text} ({count})" for text, count in broken.most_common())
        told.append(f"trials that break a constraint on what they came to are never the best: {each}")
    differing = experiment.sameness.lines()[1:]
    return _sentences([*told, *experiment.asides, *differing])


def _named(numbers: list[int]) -> str:
    which = ", ".join(map(str, numbers))
    return f"trials {which} are" if len(numbers) > 1 else f"trial {which} is"


def _sentences(lines: Iterable[str]) -> list[str]:
    return [_sentence(line) for line in lines]


def _sentence(line: str) -> str:
    return f"{line[:1].upper()}{line[1:]}" + ("" if line.endswith(".") else ".")
