"""Samplers, pruners and schedulers by the names that Optuna and Ray Tune give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raypose.errors import RayPoseError, nearest
from raypose.registry import call_problems, parameters

# What a sampler is given where the YAML is silent: conditional spaces and parallel trials need it.
SAMPLER_DEFAULTS: dict[str, dict[str, Any]] = {
    "TPESampler": {"multivariate": True, "group": True, "constant_liar": True},
}

# Why a name that exists cannot be used.
REFUSED = {
    "WilcoxonPruner": "it compares instances of a problem, not epochs of a training",
    "PopulationBasedTraining": "it copies weights between trials, which trials do not support yet",
    "PopulationBasedTrainingReplay": "it copies weights between trials, which trials do not support yet",
    "PB2": "it copies weights between trials, which trials do not support yet",
    "HyperBandForBOHB": "it works with Ray's own BOHB searcher only; use HyperbandPruner",
    "ResourceChangingScheduler": "it changes the resources of running trials, which trials do not support yet",
}


def sampler_class(name: str) -> Callable:
    """The class of optuna.samplers of that name.

    Raises:
        RayPoseError: there is none.
    """
    import optuna

    return _find(name, "sampler", [optuna.samplers], optuna.samplers.BaseSampler)


def scheduler_class(name: str) -> Callable:
    """The class of optuna.pruners, else of ray.tune.schedulers, of that name.

    Raises:
        RayPoseError: there is none, or it cannot be used; the hint says why.
    """
    import optuna

    if name in REFUSED:
        raise RayPoseError(f"scheduler '{name}' cannot be used: {REFUSED[name]}", rule="unsupported-scheduler")
    if hasattr(optuna.pruners, name):
        return _find(name, "scheduler", [optuna.pruners], optuna.pruners.BasePruner)
    from ray.tune import schedulers

    return _find(
        name, "scheduler", [schedulers, optuna.pruners], (schedulers.TrialScheduler, optuna.pruners.BasePruner)
    )


def build_sampler(cfg: Mapping[str, Any], seed: int) -> Any:
    """`{type: TPESampler, n_startup_trials: 5}` -> an optuna sampler, seeded where it can be."""
    cls = sampler_class(cfg["type"])
    given = {**SAMPLER_DEFAULTS.get(cfg["type"], {}), **_arguments(cfg)}
    return _call(cls, {"seed": seed, **given} if "seed" in parameters(cls) else given)


def build_scheduler(cfg: Mapping[str, Any] | None, metric: str, mode: str, epochs: int) -> Any:
    """An optuna pruner or a Ray scheduler from its YAML; None is no early stopping. `epochs`: of the longest trial."""
    if cfg is None:
        return None
    cls = scheduler_class(cfg["type"])
    facts = {"metric": metric, "mode": mode, "time_attr": "epoch", "max_t": epochs}
    given = {
        key: build_scheduler(v, metric, mode, epochs) if _is_component(v) else v for key, v in _arguments(cfg).items()
    }
    if cls.__module__.startswith("ray."):
        given = {**{key: value for key, value in facts.items() if key in parameters(cls)}, **given}
    return _call(cls, given)


def _call(cls: Callable, arguments: dict[str, Any]) -> Any:
    import warnings

    if problems := call_problems(cls, arguments):
        raise RayPoseError("; ".join(f"{message}; {hint}" for _, message, hint, _ in problems), rule="wrong-argument")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna's notes that multivariate and group are experimental
            return cls(**arguments)
    except (ValueError, TypeError, AssertionError) as error:
        raise RayPoseError(f"{getattr(cls, '__name__', cls)}: {error}", rule="wrong-value") from error


def _find(name: str, kind: str, modules: list[Any], base: Any) -> Any:
    found: dict[str, Any] = {}
    for module in modules:
        found |= {n: getattr(module, n) for n in getattr(module, "__all__", dir(module)) if not n.startswith("_")}
    known = {n: cls for n, cls in found.items() if isinstance(cls, type) and issubclass(cls, base) and cls is not base}
    if name not in known:
        raise RayPoseError(f"unknown {kind} '{name}'", hint=nearest(name, known), rule="unknown-component")
    return known[name]


def _arguments(cfg: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cfg.items() if key != "type"}


def _is_component(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" in value
