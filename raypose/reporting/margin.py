"""By how much the best trial of a search leads, in sentences."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING

from raypose.reporting.epochs import signed
from raypose.reporting.records import is_candidate

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment


def gain(experiment: Experiment) -> Iterable[str]:
    """How it stands to what was drawn first, mostly at random, and to the trial in the middle."""
    best, goal, count = experiment.best, experiment.goals[0], _startup(experiment)
    in_order = sorted(experiment.own, key=lambda each: each.number)
    reached = [each.value for each in in_order if each.value is not None]
    early = {each.number: each.value for each in in_order[:count] if each.value is not None and not each.breaks}
    if best is None or best.value is None or len(in_order) <= count or not early:
        return
    pick, less = (max, "less") if goal.mode == "max" else (min, "more")
    first = pick(early.values())
    if best.number in early:
        yield f"It was among the first {count} trials: later ones came to nothing better."
    elif signed([best.value], [goal]) < signed([first], [goal]):
        by, spread = abs(best.value - first), best.deviation or 0.0
        than = f"{_short(by)} {'higher' if goal.mode == 'max' else 'lower'} than the best of the first {count} trials"
        chance = ", no more than its runs with other seeds differ" if by <= spread else ""
        yield f"That is {than}, {goal.metric} {_short(first)}{chance}."
    else:
        yield f"One of the first {count} trials reached {goal.metric} {_short(first)}, but was stopped or fell behind later."
    yield f"Half of all trials came to {goal.metric} {_short(statistics.median(reached))} or {less}."


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
    second, ahead = others[0], abs((best.mean or 0.0) - (others[0].mean or 0.0))
    if not ahead:
        yield f"Trial {second.number} is as good."
        return
    if best.deviation is None:
        once = "each was trained once, so that part of it may be chance"
        yield f"Its lead on the next, trial {second.number}, is {_short(ahead)}; {once}."
        return
    spread = f"{_short(best.mean)} ± {best.deviation:.2g} in {len(best.repeats) + 1} runs with different seeds"
    within = ahead <= max(best.deviation, second.deviation or 0.0)
    told = "within that spread, so that either may be the better one" if within else "more than that spread"
    yield f"It comes to {goal.metric} {spread}; its lead on trial {second.number}, {_short(ahead)}, is {told}."


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
