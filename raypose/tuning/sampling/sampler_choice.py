"""Which sampler a search has where its YAML names none, and why."""

from __future__ import annotations

from typing import Any

import optuna

from raypose.config import Tune
from raypose.space import Space
from raypose.space.grid import conditional
from raypose.tuning.drawing.limits import static
from raypose.tuning.sampling.samplers import build_sampler
from raypose.tuning.stopping.population import PopulationBasedTraining

CHOSEN = "sampler"  # the user attribute of a study: the sampler that it was started with, and why

TPE = {"type": "TPESampler"}
# A Gaussian process finds good combinations of choices sooner, TPE good numbers; in turn they were better than either
# on the tables of benchmarks/search_quality.py that are not held out.
FEW = 200  # trials: up to so many a Gaussian process takes less than a second each
IN_TURN = {
    "type": "AlternatingSampler",
    "samplers": [{"type": "GPSampler", "n_startup_trials": 5}, {**TPE, "n_startup_trials": 5}],
    "until": FEW,
}


def default(space: Space, settings: Tune) -> tuple[dict[str, Any], str]:
    """The sampler that suits a space and a budget, and why, in a line.

    Example:
        >>> default(Space.parse("net: {choice: [{type: A, x: {uniform: [0, 1]}}, {type: B}]}"), Tune())
        ({'type': 'TPESampler'}, "it learns from configurations that have other dimensions, such as 'net.A.x'")
    """
    if some := conditional(space):
        return TPE, f"it learns from configurations that have other dimensions, such as '{some[0].name}'"
    if (settings.scheduler or {}).get("type") == PopulationBasedTraining.__name__:
        return TPE, "most of a population is drawn before one of its trials has ended, with little to learn from"
    if settings.scheduler is not None:
        return TPE, "it learns from trials that are stopped early, too"
    if settings.constraints:
        which = "draws" if static(settings.constraints) else "trials"
        return TPE, f"it learns from {which} that break a constraint, too"
    if len(settings.goals) > 1:
        return TPE, "nothing was measured to be better with several objectives"
    if settings.num_trials > FEW:
        return TPE, f"GPSampler takes long in a search of more than {FEW} trials"
    return IN_TURN, "all configurations have the same dimensions, and each of the few trials comes to its end"


def choose(space: Space, settings: Tune, study: optuna.Study | None = None) -> tuple[dict[str, Any], str]:
    """The sampler that the YAML names, else the one that the study was started with, else the default; and why, which is
    empty where the YAML says it."""
    if settings.sampler is not None:
        return settings.sampler, ""
    known = study.user_attrs.get(CHOSEN) if study else None
    return (known["cfg"], known["why"]) if known else default(space, settings)


def install(study: optuna.Study, space: Space, settings: Tune, seed: int) -> str:
    """Give a study its sampler; one that the YAML does not name is kept for a resume, and said with why, in a line.

    Raises:
        RayPoseError: see `samplers.build_sampler`.
    """
    cfg, why = choose(space, settings, study)
    study.sampler = build_sampler(cfg, seed, space, drawn=len(study.get_trials(deepcopy=False)))
    if not why:
        return ""
    if CHOSEN not in study.user_attrs:
        study.set_user_attr(CHOSEN, {"cfg": cfg, "why": why})
    return f"sampler: {_spoken(cfg)}, since {why}"


def _spoken(cfg: dict[str, Any]) -> str:
    """The name of a sampler, or of those that take turns."""
    return " and ".join(each["type"] for each in cfg.get("samplers", [cfg]))
