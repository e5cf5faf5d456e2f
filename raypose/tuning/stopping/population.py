"""Population-based training: which trials of a population go on from better ones, and with which values. Pure: what it
decides follows from what it is told."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from raypose.config import Fraction, Positive
from raypose.space import Choice, Dimension, Range
from raypose.space.suggest import from_random
from raypose.space.walker import cast


@dataclass(frozen=True)
class Member:
    """A trial of the population: its values by epoch (higher is better), the values of its dimensions, and the epoch at
    which it was compared last."""

    number: int
    values: Mapping[int, float]
    params: Mapping[str, Any]
    compared: int = 0

    @property
    def epoch(self) -> int:
        """The last one."""
        return max(self.values, default=0)

    @property
    def score(self) -> float:
        """The value of the last epoch."""
        return self.values[self.epoch]

    @property
    def best(self) -> float:
        """The value of the best epoch."""
        return max(self.values.values())


@dataclass(frozen=True)
class Clone:
    """A trial that goes on from another one, with these values of its dimensions."""

    number: int
    parent: int
    params: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PopulationBasedTraining:
    """The trials of a search train side by side. Every few epochs they wait for each other and are compared by the value of
    the last epoch; those at the bottom go on from weights and configuration of one at the top, with some of its values
    changed. `tune.num_trials` is the size of the population.

    After Jaderberg et al. 2017, https://arxiv.org/abs/1711.09846, with the arguments of Ray Tune's. Unlike that one it
    knows conditional dimensions, resumes, and decides alike for the same values. A trial inherits only from one whose
    best epoch is no worse than its own, so that no trial's value gets worse.

    Args:
        mutate: patterns of the names of dimensions whose values change, such as `optimizer.*.lr`.
        perturbation_interval: epochs from one comparison to the next.
        burn_in_period: epochs before the first comparison.
        quantile_fraction: of the population at the bottom inherits, and at the top is inherited from.
        resample_probability: of a new value from the whole dimension, instead of one near the inherited one.
        perturbation_factors: what numbers are multiplied by. Of choices a neighbouring option is taken.

    Raises:
        ValueError: a value out of bounds.

    Example:
        >>> PopulationBasedTraining(mutate=["optimizer.*.lr", "data.augment.rotation"], perturbation_interval=4)
    """

    mutate: list[str] = field(default_factory=list)
    perturbation_interval: Annotated[int, Field(ge=1)] = 4
    burn_in_period: Annotated[int, Field(ge=0)] = 0
    quantile_fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.25
    resample_probability: Fraction = 0.25
    perturbation_factors: tuple[Positive, Positive] = (1.2, 0.8)

    def __post_init__(self) -> None:
        for rule, holds in (
            ("perturbation_interval >= 1", self.perturbation_interval >= 1),
            ("burn_in_period >= 0", self.burn_in_period >= 0),
            ("0 < quantile_fraction <= 0.5", 0 < self.quantile_fraction <= 0.5),
            ("0 <= resample_probability <= 1", 0 <= self.resample_probability <= 1),
            ("perturbation_factors > 0", len(self.perturbation_factors) > 0 and min(self.perturbation_factors) > 0),
        ):
            if not holds:
                raise ValueError(f"{rule} must hold, but got {getattr(self, _named(rule))!r}")

    def boundary(self, member: Member) -> int:
        """The epoch that a member may not go beyond before it is compared: a multiple of the interval."""
        burnt_in = math.ceil(self.burn_in_period / self.perturbation_interval)
        return max(member.compared // self.perturbation_interval + 1, burnt_in) * self.perturbation_interval

    def waits(self, member: Member) -> bool:
        """Whether a member has come to its boundary."""
        return member.epoch >= self.boundary(member)

    def due(self, members: Iterable[Member]) -> list[Member]:
        """Those whose boundary comes first, once all of them wait there; else none."""
        members = list(members)
        first = min(map(self.boundary, members), default=0)
        group = [member for member in members if self.boundary(member) == first]
        return group if all(map(self.waits, group)) else []

    def clones(self, group: Sequence[Member], mutated: Sequence[Dimension], seed: int) -> list[Clone]:
        """Who of a group goes on from whom; the random numbers of each decision are those of (seed, trial, epoch)."""
        order = sorted(group, key=lambda member: (member.score, -member.number))
        size = min(math.ceil(len(order) * self.quantile_fraction), len(order) // 2)
        found = []
        for member in order[:size]:
            rng = random.Random(f"{seed}/{member.number}/{self.boundary(member)}")
            better = [each for each in order[-size:] if _is_better(each, member)]
            if better:
                parent = rng.choice(better)
                found.append(Clone(member.number, parent.number, self.explore(parent.params, mutated, rng)))
        return found

    def explore(self, params: Mapping[str, Any], mutated: Sequence[Dimension], rng: random.Random) -> dict[str, Any]:
        """The same values, but changed in those of the `mutated` dimensions that they have."""
        changed = {each.name: self._moved(each, params[each.name], rng) for each in mutated if each.name in params}
        return {**params, **changed}

    def _moved(self, dimension: Dimension, value: Any, rng: random.Random) -> Any:
        if rng.random() < self.resample_probability:
            drawn = from_random(rng)(dimension)
            return cast(dimension, drawn) if isinstance(dimension, Range) else drawn
        if isinstance(dimension, Choice):
            return rng.choice(_neighbours(dimension.labels, value))
        factor = rng.choice(self.perturbation_factors)
        return _scaled(dimension, value, factor) if isinstance(dimension, Range) else value


def _is_better(one: Member, other: Member) -> bool:
    return one.score > other.score and one.best >= other.best and one.epoch >= other.epoch


def _neighbours(labels: Sequence[str], label: str) -> list[str]:
    at = labels.index(label)
    return [labels[i] for i in (at - 1, at + 1) if 0 <= i < len(labels)] or [label]


def _scaled(dimension: Range, value: Any, factor: float) -> Any:
    moved = value * factor
    if dimension.step is not None and abs(moved - value) < dimension.step:  # else it would be rounded back
        moved = value + math.copysign(dimension.step, moved - value)
    return cast(dimension, min(max(moved, dimension.low), dimension.high))


def _named(rule: str) -> str:
    return next(word for word in rule.split() if word[0].isalpha())
