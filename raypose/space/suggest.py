"""Where values come from: an Optuna trial, given parameters, a random source, the defaults.

A suggester takes a dimension and gives a label for a choice, a number for a range; the walker does the rounding.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from raypose.errors import RayPoseError
from raypose.space.tree import Choice, Dimension, Range

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Suggest = Callable[[Dimension], Any]


def from_trial(trial: BaseTrial) -> Suggest:
    """What an Optuna trial suggests; the study stores labels.

    Optuna has no logarithm with a step, so that `qloguniform` is stored before it is rounded.
    """

    def suggest(dimension: Dimension) -> Any:
        if isinstance(dimension, Choice):
            return trial.suggest_categorical(dimension.name, dimension.labels)
        if not isinstance(dimension, Range):
            return None
        ask: Callable = trial.suggest_int if dimension.facts.integer else trial.suggest_float
        steps = {} if dimension.facts.log or dimension.step is None else {"step": dimension.step}
        return ask(dimension.name, dimension.low, dimension.high, log=dimension.facts.log, **steps)

    return suggest


def from_params(params: Mapping[str, Any]) -> Suggest:
    """Given values by dimension name, such as `study.best_params`; an option may be named by its label or its value.

    Raises:
        RayPoseError: when it is asked for a dimension that `params` lacks.
    """

    def suggest(dimension: Dimension) -> Any:
        if dimension.name not in params:
            raise RayPoseError(f"no value for '{dimension.name}'", rule="missing-parameter")
        return params[dimension.name]

    return suggest


def from_partial(params: Mapping[str, Any]) -> Suggest:
    """Given values by dimension name as far as they are known, defaults elsewhere."""
    return lambda dimension: params[dimension.name] if dimension.name in params else defaults(dimension)


def from_random(rng: random.Random) -> Suggest:
    """Independent random values, distributed as Ray Tune would."""

    def suggest(dimension: Dimension) -> Any:
        if isinstance(dimension, Choice):
            return rng.choice(dimension.labels)
        if not isinstance(dimension, Range):
            return None
        low, high, facts = dimension.low, dimension.high, dimension.facts
        if facts.log:
            top = high + 1 if facts.integer else high
            value = math.exp(rng.uniform(math.log(low), math.log(top)))
            return min(max(math.floor(value) if facts.integer else value, low), high)
        if facts.integer:
            return rng.randrange(int(low), int(high) + 1, int(dimension.step or 1))
        return rng.uniform(low, high)

    return suggest


def defaults(dimension: Dimension) -> Any:
    """A choice's first option, a range's middle (the geometric one where it is logarithmic)."""
    if isinstance(dimension, Choice):
        return dimension.labels[0]
    if not isinstance(dimension, Range):
        return None
    low, high = dimension.low, dimension.high
    return math.sqrt(low * high) if dimension.facts.log else (low + high) / 2
