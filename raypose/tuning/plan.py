"""What a search is to do, read from its space and held to the rules, before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from optuna.pruners import BasePruner

from raypose.check.clashes import clashes
from raypose.check.epochs import longest
from raypose.config import Tune, read, read_duration, read_seed
from raypose.errors import RayPoseError
from raypose.space import Space, initial_points
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.sampling import sampler_choice
from raypose.tuning.sampling.samplers import build_sampler
from raypose.tuning.stopping import generations
from raypose.tuning.stopping.schedulers import build_scheduler


@dataclass(frozen=True)
class Plan:
    """A space, its default configuration, and its `tune` section with what follows from it: constraints, points to try
    first, and early stopping by a pruner of the study's or by a Ray scheduler, which `scheduler` makes afresh."""

    space: Space
    config: dict[str, Any]
    tune: Tune
    seed: int
    limits: Limits
    points: list[dict[str, Any]]
    pruner: BasePruner | None
    scheduler: Callable[[], Any] | None

    @property
    def has_test(self) -> bool:
        """Whether there are data that the winner is tested on."""
        return (self.config.get("data") or {}).get("test") is not None

    @classmethod
    def of(cls, space: Space, num_trials: int | None = None, time_budget: float | str | None = None) -> Plan:
        """`num_trials` and `time_budget` stand for those of the `tune` section.

        Raises:
            RayPoseError: something does not go together.
        """
        config = space.default()
        tune = read(Tune, config.get("tune"))
        if num_trials is not None:
            tune = replace(tune, num_trials=num_trials)
        if time_budget is not None:
            tune = replace(tune, time_budget=read_duration(time_budget, "time_budget"))
        seed, goal = read_seed(config), tune.goals[0]
        if wrong := [problem for _, problem in clashes(tune)]:
            raise RayPoseError(wrong)
        limits, points = Limits.of(space, tune.constraints), initial_points(space) if tune.initial_points else []
        make = partial(build_scheduler, tune.scheduler, goal.metric, goal.mode, longest(space.tree))
        made = make()
        pruner = made if isinstance(made, BasePruner) else None
        _refuse_pruner(tune, pruner)
        generations.refuse(made, space, tune.num_trials)
        build_sampler(sampler_choice.choose(space, tune)[0], seed, space)
        scheduler = None if pruner or made is None else make
        return cls(space, config, tune, seed, limits, points, pruner, scheduler)


def _refuse_pruner(tune: Tune, pruner: BasePruner | None) -> None:
    if len(tune.goals) > 1 and pruner is not None:
        raise RayPoseError(
            f"early stopping by Optuna's pruners compares one value, but tune.metric has {len(tune.goals)}",
            hint="write scheduler: null, or one of Ray's (ASHAScheduler), which goes by the first objective",
            rule="several-objectives",
        )
