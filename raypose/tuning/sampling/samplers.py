"""Optuna's samplers by name, built from their YAML: seeded, quiet, and with what they need installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from raypose.errors import RayPoseError
from raypose.registry import parameters
from raypose.space import Space
from raypose.space.grid import grid, named, stored
from raypose.tuning.by_name import arguments, call, find, is_component

# What a sampler is given where the YAML is silent: conditional spaces and parallel trials need it. What is sampled
# independently the check says once, and not every trial.
QUIET = {"warn_independent_sampling": False}
DEFAULTS: dict[str, dict[str, Any]] = {
    "TPESampler": {"multivariate": True, "group": True, "constant_liar": True},
    "GPSampler": QUIET,
    "CmaEsSampler": QUIET,
    "QMCSampler": {**QUIET, "warn_asynchronous_seeding": False},
}

# The packages that a sampler imports when it samples; Optuna does not say so before.
NEEDS: dict[str, tuple[str, ...]] = {
    "CmaEsSampler": ("cmaes",),
    "GPSampler": ("scipy", "torch"),
    "QMCSampler": ("scipy",),
}

# Where a resumed search is, these find by their seed: it must be that of the first start.
BY_SEED = {"GridSampler", "QMCSampler"}

# Arguments that are samplers themselves, one or several, and those that are other components of optuna.samplers.nsgaii.
INNER = ("base_sampler", "independent_sampler", "samplers")
OPERATORS = {"crossover": "BaseCrossover", "mutation": "BaseMutation"}


def sampler_class(name: str) -> Callable:
    """The class of that name of optuna.samplers, or of ours.

    Raises:
        RayPoseError: there is none.

    Example:
        >>> sampler_class("GPSampler")
        <class 'optuna.samplers._gp.sampler.GPSampler'>
    """
    import optuna

    from raypose.tuning.sampling import alternating

    return find(name, "sampler", [optuna.samplers, alternating], optuna.samplers.BaseSampler)


def build_sampler(cfg: Mapping[str, Any], seed: int, space: Space | None = None, drawn: int = 0) -> Any:
    """`{type: TPESampler, n_startup_trials: 5}` -> an Optuna sampler, seeded where it can be.

    `drawn`: how many trials the study has, so that a resume does not draw the same again. `space` is what the names and
    values of a grid and of fixed parameters are of, and what a grid that is not given follows from.

    Raises:
        RayPoseError: an unknown name, arguments or values that the sampler does not take, a package that it needs is not
            installed, or a grid that does not fit the space.

    Example:
        >>> build_sampler({"type": "CmaEsSampler", "independent_sampler": {"type": "TPESampler"}}, seed=0)
    """
    name = cfg["type"]
    cls = sampler_class(name)
    _needs(name)
    known, given = parameters(cls), {**DEFAULTS.get(name, {}), **_built(arguments(cfg), seed, space, drawn)}
    if "seed" in known:
        given = {"seed": seed if name in BY_SEED else seed + drawn, **given}
    if "independent_sampler" in known:
        given = {"independent_sampler": sampler_class("RandomSampler")(seed=seed + drawn), **given}
    if name == "GridSampler":
        given["search_space"] = grid(space, given.get("search_space")) if space else given.get("search_space") or {}
    return call(cls, given)


def _built(given: dict[str, Any], seed: int, space: Space | None, drawn: int) -> dict[str, Any]:
    """Arguments, the components among them built, and fixed values as the study has them."""
    for key, value in given.items():
        if key in INNER and is_component(value):
            given[key] = build_sampler(value, seed, space, drawn)
        elif key in INNER and isinstance(value, list):  # each has random numbers of its own
            given[key] = [build_sampler(each, seed + index, space, drawn) for index, each in enumerate(value)]
        elif key in OPERATORS and is_component(value):
            given[key] = call(_operator(value["type"], key), arguments(value))
    if space and isinstance(fixed := given.get("fixed_params"), Mapping):
        given["fixed_params"] = {name: stored(named(space, name), value) for name, value in fixed.items()}
    return given


def _operator(name: str, key: str) -> Any:
    from optuna.samplers import nsgaii

    return find(name, key, [nsgaii], getattr(nsgaii, OPERATORS[key]))


def _needs(name: str) -> None:
    for package in NEEDS.get(name, ()):
        if find_spec(package) is None:
            raise RayPoseError(
                f"{name} needs the package '{package}', which is not installed",
                hint=f"pip install {package}",
                rule="missing-package",
            )
