"""Early stopping: Optuna's pruners and Ray's schedulers by their names, with what RayPose gives them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from raypose.errors import RayPoseError
from raypose.registry import parameters
from raypose.reporting.roles import is_trial
from raypose.tuning.by_name import arguments, call, find, is_component
from raypose.tuning.stopping.population import PopulationBasedTraining

# Why a name that exists cannot be used.
REFUSED = {
    "WilcoxonPruner": "it compares instances of a problem, not epochs of a training",
    "PopulationBasedTrainingReplay": "it follows the log of Ray's own PopulationBasedTraining, which is not written here",
    "PB2": "it knows no conditional dimensions, and forgets all at a resume; use PopulationBasedTraining",
    "HyperBandForBOHB": "it works with Ray's own BOHB searcher only; use HyperbandPruner",
    "ResourceChangingScheduler": "it changes the resources of running trials, which trials do not support yet",
}


def first_look(epochs: int) -> int:
    """After how many epochs trials are first compared: a warm-up is over then, and rates of learning that are too high
    show. With a reduction by 3, most trials end there, and most of the others at three times as many; on curves that
    cross (benchmarks/early_stopping.py) a search takes 37 % of the epochs of one without early stopping. Optuna's own
    "auto" and 4 compare after the first epoch, when ranks mean little.

    Example:
        >>> [first_look(epochs) for epochs in (5, 10, 40, 200)]
        [1, 2, 6, 29]
    """
    return math.ceil(epochs / 7)


# What a scheduler is given where the YAML is silent, or says "auto", for trainings of so many epochs at most. Optuna's
# own "auto" is found from the trials that are finished, which differs after a resume.
DEFAULTS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "SuccessiveHalvingPruner": lambda epochs: {"min_resource": first_look(epochs), "reduction_factor": 3},
    "HyperbandPruner": lambda epochs: {"max_resource": epochs},
    # It would give 60 epochs of grace, and pause trials, which then start again from their checkpoints.
    "MedianStoppingRule": lambda epochs: {"grace_period": first_look(epochs), "min_time_slice": math.inf},
}

# What Ray's schedulers are told, and no one else knows better.
TOLD = ("metric", "mode", "time_attr")

# Why a search with that scheduler cannot be resumed.
NOT_RESUMED = {
    "HyperBandScheduler": "it keeps its brackets and paused trials in memory (HyperbandPruner and ASHAScheduler do not)",
}


def scheduler_class(name: str) -> Callable:
    """The class of optuna.pruners, else of ray.tune.schedulers, of that name.

    Raises:
        RayPoseError: there is none, or it cannot be used; the hint says why.
    """
    import optuna

    if name in REFUSED:
        raise RayPoseError(f"scheduler '{name}' cannot be used: {REFUSED[name]}", rule="unsupported-scheduler")
    if name == PopulationBasedTraining.__name__:
        return PopulationBasedTraining
    if hasattr(optuna.pruners, name):
        return find(name, "scheduler", [optuna.pruners], optuna.pruners.BasePruner)
    from ray.tune import schedulers

    return find(name, "scheduler", [schedulers, optuna.pruners], (schedulers.TrialScheduler, optuna.pruners.BasePruner))


def build_scheduler(cfg: Mapping[str, Any] | None, metric: str, mode: str, epochs: int) -> Any:
    """An optuna pruner or a Ray scheduler from its YAML; None is no early stopping. `epochs`: of the longest trial.

    Raises:
        RayPoseError: no such scheduler, or arguments that it does not take.

    Example:
        >>> build_scheduler({"type": "HyperbandPruner"}, "AP", "max", epochs=40)
    """
    if cfg is None:
        return None
    cls = scheduler_class(cfg["type"])
    given = {key: value for key, value in arguments(cfg).items() if value != "auto"}
    given = {key: build_scheduler(v, metric, mode, epochs) if is_component(v) else v for key, v in given.items()}
    defaults = DEFAULTS.get(cls.__name__, lambda epochs: {})(epochs)
    if cls.__module__.startswith("ray."):
        _refuse_told(cfg["type"], given)
        facts = {"metric": metric, "mode": mode, "time_attr": "epoch", "max_t": epochs}
        defaults |= {key: value for key, value in facts.items() if key in parameters(cls)}
    return call(cls, {**defaults, **given})


def max_t(cfg: Mapping[str, Any] | None) -> float:
    """After how many epochs a scheduler itself ends a trial that then is complete; inf where it has no such end.

    Example:
        >>> max_t({"type": "ASHAScheduler", "max_t": 20})
        20
    """
    given = {key: value for key, value in arguments(cfg or {}).items() if value != "auto"}
    return given.get("max_t", math.inf) if given.get("stop_last_trials", True) else math.inf


def why_not_resumed(cfg: Mapping[str, Any] | None) -> str:
    """Why a search with that scheduler cannot be resumed; empty if it can.

    Example:
        >>> why_not_resumed({"type": "SuccessiveHalvingPruner"})
        ''
    """
    name = (cfg or {}).get("type", "")
    return f"a search with {name} cannot be resumed: {NOT_RESUMED[name]}" if name in NOT_RESUMED else ""


def refuse_resume(state: Any) -> None:
    """Refuse to go on with the trials of a `SearchState` whose scheduler forgot what it knew of them; those that repeat
    others do without it.

    Raises:
        RayPoseError: there are such trials to run.
    """
    trials = state.trials()
    others = sum(trial.state.name == "RUNNING" and not is_trial(trial) for trial in trials)
    reason = why_not_resumed(state.tune.scheduler)
    if reason and any(map(is_trial, trials)) and state.remaining > others:
        hint = "start another search with one of these; --warm-start takes over what is finished here"
        raise RayPoseError(reason, hint=hint, rule="not-resumable")


def _refuse_told(name: str, given: Mapping[str, Any]) -> None:
    for key in TOLD:
        if key in given:
            said = "time is counted in epochs" if key == "time_attr" else f"it is that of tune.{key}"
            raise RayPoseError(f"{name}: '{key}' cannot be set: {said}", hint=f"leave out {key}", rule="wrong-argument")
