"""How much each dimension of a space mattered: which part of the differences between trials it accounts for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raypose.config import Goal, leading
from raypose.reporting.epochs import best_values, epochs, signed
from raypose.reporting.records import params
from raypose.reporting.roles import IMPORTED, TRIAL, role
from raypose.reporting.shares import shares

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment

ENOUGH = 10  # fewer trials say nothing of a dimension


@dataclass(frozen=True)
class Importance:
    """`value` is a dimension's part of the differences between trials, 0 to 1, those of all dimensions together at most 1:
    the rest is chance, and what dimensions do together. `trials` is how many trials have the dimension, `note` what to
    know before the value is believed; mostly empty.

    Example:
        >>> Importance("optimizer.AdamW.lr", 0.41, 38)
        Importance(name='optimizer.AdamW.lr', value=0.41, trials=38, note='')
    """

    name: str
    value: float
    trials: int
    note: str = ""


def importances(experiment: Experiment, goal: Goal | None = None) -> list[Importance]:
    """Of each dimension of the space, the largest first, for one objective (default: the first that is no cost).

    A dimension of one branch counts for the trials that have it: what it accounts for among them, times the part that they
    are of all. Trials are compared by rank; one that was stopped early counts with the best that it had reached, since
    without those the bad half of the space would be missing. What counts is how well the trials' values foresee the ranks of
    other trials (`shares`). Optuna's PED-ANOVA asks what sets the best tenth apart, which takes some hundred trials
    that came to their end; its fANOVA needs scikit-learn.

    Example:
        >>> importances(load_experiment("experiments/quickstart"))[0]
        Importance(name='optimizer', value=0.38, trials=40, note='')
    """
    goal = goal or experiment.goals[leading(experiment.goals)]
    compared, values = _compared(experiment, goal)
    tried = [params(trial) for trial in compared]
    names = [dimension.name for dimension in experiment.space.dimensions] if experiment.space else []
    names += [name for each in tried for name in each]
    columns = {name: [each.get(name) for each in tried] for name in dict.fromkeys(names)}
    found = shares(columns, values) if len(compared) >= ENOUGH else dict.fromkeys(columns, 0.0)
    few = len(compared) < len(columns)
    each = [Importance(name, found[name], *_trials(column, few)) for name, column in columns.items()]
    return sorted(each, key=lambda one: -one.value)


def _compared(experiment: Experiment, goal: Goal) -> tuple[list[Any], list[float]]:
    """The Optuna trials that say how good their configuration is, and what they reached, higher ones better."""
    goals = experiment.goals
    ended = [trial for trial in experiment.frozen_trials if trial.state.name in ("COMPLETE", "PRUNED")]
    known = [(trial, best_values(epochs(trial), goals)) for trial in ended if role(trial) in (TRIAL, IMPORTED)]
    found = [(trial, -signed(values, goals)[goals.index(goal)]) for trial, values in known if values is not None]
    return [trial for trial, _ in found], [value for _, value in found]


def _trials(column: Sequence[Any], few: bool) -> tuple[int, str]:
    known = [value for value in column if value is not None]
    if len(known) < ENOUGH:
        return len(known), f"too few trials to tell: {len(known)}, of at least {ENOUGH}"
    if len({*known}) == 1:
        return len(known), "all trials have the same value"
    return len(known), "fewer trials than dimensions: may be chance" if few else ""
