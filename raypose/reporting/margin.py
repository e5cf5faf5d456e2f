"""By how much the best trial of a search leads, in sentences."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING

from raypose.config import leading
from raypose.reporting.epochs import signed
from raypose.reporting.records import Record, is_candidate
from raypose.reporting.words import counted, number

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment

USUAL = 5  # finished trials that have a middle worth telling


def gain(experiment: Experiment) -> Iterable[str]:
    """How it stands to what was drawn first, mostly at random, and to the finished trial in the middle. Nothing of an
    objective that is a cost: a model is not the best one for being small."""
    best, goal, count = experiment.best, experiment.goals[0], _startup(experiment)
    in_order = sorted(experiment.own, key=lambda each: each.number)
    first, later = in_order[:count], in_order[count:]
    if best is None or best.value is None or not later or leading(experiment.goals):
        return
    yield from _against(best, first, later, experiment)
    finished = [each.value for each in in_order if each.state == "COMPLETE" and each.value is not None]
    if len(finished) >= USUAL:
        less, middle = "less" if goal.mode == "max" else "more", number(statistics.median(finished))
        yield f"Half of the {len(finished)} trials that came to their end have {goal.metric} {middle} or {less}."


def _against(best: Record, first: list[Record], later: list[Record], experiment: Experiment) -> Iterable[str]:
    goal, random = experiment.goals[0], f"the first {counted(len(first), 'trial')}, mostly drawn at random"
    if best in first:
        stopped = sum(each.state == "PRUNED" for each in later)
        which = "all" if stopped == len(later) else stopped
        how = f", {which} of them stopped early," if stopped else ""
        yield f"It is one of {random}: the {len(later)} since then{how} came to nothing better."
        return
    known = [each.value for each in first if each.value is not None and not each.breaks]
    if not known or best.value is None:
        return
    early = (max if goal.mode == "max" else min)(known)
    if signed([best.value], [goal]) >= signed([early], [goal]):
        yield f"One of {random}, reached {goal.metric} {number(early)}, but was stopped or fell behind later."
        return
    by = abs(best.value - early)
    than = f"{number(by)} {'higher' if goal.mode == 'max' else 'lower'} than the best of {random}"
    chance = ", but no more than its runs with other seeds differ" if by <= (best.deviation or 0.0) else ""
    yield f"That is {than} ({goal.metric} {number(early)}){chance}."


def _startup(experiment: Experiment) -> int:
    """How many trials a sampler draws at random before it learns; Optuna's TPE, 10."""
    count = (experiment.section("tune").get("sampler") or {}).get("n_startup_trials")
    return count if isinstance(count, int) else 10


def lead(experiment: Experiment) -> Iterable[str]:
    """Whether its lead is more than chance."""
    best, goal = experiment.best, experiment.goals[0]
    others = [each for each in experiment.own if is_candidate(each) and best and each.number != best.number]
    if best is None or not others or len(experiment.goals) > 1:
        return
    second, ahead = others[0], _ahead(best, others[0], experiment)
    if best.deviation is None:
        once = f"{number(ahead)}; each was trained once, so that part of it may be chance"
        next_one = f"trial {second.number}"
        yield f"Its lead on the next, {next_one}, is {once}." if ahead else f"{next_one.capitalize()} is as good."
        return
    spread = f"{number(best.mean)} ± {best.deviation:.2g} in {len(best.repeats) + 1} runs with different seeds"
    yield f"It comes to {goal.metric} {spread}; {_told(ahead, best, second)}."


def _told(ahead: float, best: Record, second: Record) -> str:
    if ahead < 0:  # trials that were repeated are ranked before others
        return f"trial {second.number}, trained once, came to {number(second.value)}"
    within = ahead <= max(best.deviation or 0.0, second.deviation or 0.0)
    told = "within that spread, so that either may be the better one" if within else "more than that spread"
    return f"its lead on trial {second.number}, {number(ahead)}, is {told}"


def _ahead(best: Record, second: Record, experiment: Experiment) -> float:
    """By how much the mean of its runs is better."""
    one, other = (signed([each.mean or 0.0], experiment.goals[:1])[0] for each in (best, second))
    return other - one
