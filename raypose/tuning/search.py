"""`raypose.tune`: a search from a space to the best model, on Ray Tune and an Optuna study."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna.pruners import BasePruner
from rich.console import Console

from raypose.config import Tune, read, read_seed
from raypose.errors import RayPoseError
from raypose.files import write_json
from raypose.plugins import load_plugins
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.records import Record, load_records
from raypose.space import Space, initial_points
from raypose.tuning import experiment
from raypose.tuning.factory import build_sampler, build_scheduler
from raypose.tuning.interrupt import interruptible
from raypose.tuning.limits import Limits
from raypose.tuning.lock import locked
from raypose.tuning.ray_run import Session, cluster
from raypose.tuning.search_state import SearchState
from raypose.tuning.worker import TrialFunction


@dataclass(frozen=True)
class SearchResult:
    """Where the experiment lies, its trials (the best first), the signal that ended it early, if one did, and how many
    draws broke a constraint. `stopped` is why it ended before its last trial, if no signal did that."""

    folder: Path
    records: list[Record]
    interrupted: int | None = None
    infeasible: Infeasible = field(default_factory=Infeasible)
    stopped: str = ""

    @property
    def best(self) -> Record | None:
        """The best finished trial."""
        return next((each for each in self.records if each.state == "COMPLETE"), None)


def tune(
    space: Space | str | Path,
    *,
    trial: TrialFunction | None = None,
    experiments: str | Path = "experiments",
    resume: bool = False,
    num_trials: int | None = None,
    address: str | None = None,
    console: Console | None = None,
    quiet: bool = False,
    check: bool = True,
) -> SearchResult:
    """Search `space` with `trial(config, run)` (default: train a pose model) and keep everything in an experiment folder.

    `check` has a space of pose models checked before anything starts, as `raypose check` does; a resume goes without
    building every combination. Without it the space must have been checked, as by `raypose.tuning.checked.load_checked`.

    Raises:
        RayPoseError: wrong input; nothing was started. With `exit_status` 1: what happened while it ran.

    Example:
        >>> result = raypose.tune("search_spaces/quickstart.yaml")
        >>> result.best.value
    """
    space = space if isinstance(space, Space) else Space.load(space)
    is_training = trial is None
    trial = _checked_training(space, check, structure=not resume) if trial is None else trial
    default = space.default()
    settings = read(Tune, default.get("tune"))
    if num_trials is not None:
        settings = replace(settings, num_trials=num_trials)
    seed = read_seed(default)
    limits = Limits.of(space, settings.constraints)
    points = _initial_points(space, settings)
    goal, sampler = settings.goals[0], settings.sampler or {"type": "TPESampler"}
    scheduler = build_scheduler(settings.scheduler, goal.metric, goal.mode, experiment.longest(space))
    build_sampler(sampler, seed)
    folder = experiment.open_folder(space, Path(experiments), default, resume)
    with locked(folder):
        plugins = experiment.keep_space(space, folder, default, resume)
        experiment.declare_dimensions(space, folder, settings)
        pruner = scheduler if isinstance(scheduler, BasePruner) else None
        state = SearchState(
            space, folder, settings, seed=seed, pruner=pruner, plugins=plugins, limits=limits, initial_points=points
        )
        state.study.sampler = build_sampler(sampler, seed + len(state.trials()))
        inner = None if pruner is not None else scheduler
        session = Session(state, trial, inner, console or Console(), quiet)
        interrupted = _run(session, address) if state.remaining else None
        state.publish_best()
        if is_training and interrupted is None and "test" in default["data"]:
            _test_the_winner(folder / "best")
    records, infeasible = load_records(folder)
    stopped = state.over.why if state.over and interrupted is None else ""
    return SearchResult(folder, records, interrupted, infeasible, stopped)


def _run(session: Session, address: str | None) -> int | None:
    """Run the trials of a search; returns the signal that ended it early, if one did."""
    state = session.state
    with (
        interruptible(lambda: state.end("interrupted")) as interrupt,
        cluster(address, session.console, session.quiet),
    ):
        interrupt.listen()
        session.run()
    return interrupt.signal


def _initial_points(space: Space, settings: Tune) -> list[dict[str, Any]]:
    """The points that are tried first, by dimension name."""
    if not settings.initial_points:
        return []
    if (settings.sampler or {}).get("type") == "GridSampler":
        message = "GridSampler tries its own grid and nothing else"
        raise RayPoseError(
            message, hint="leave out tune.initial_points, or take another sampler", rule="initial-points"
        )
    return initial_points(space)


def _test_the_winner(best: Path) -> None:
    """Evaluate the best model on `data.test`, once, and add it to its metrics.json."""
    from raypose.trial import evaluate

    file = best / "metrics.json"
    if file.exists() and "test" not in (known := json.loads(file.read_text())):
        write_json(file, {**known, "test": evaluate(best, "test")[0]})


def _checked_training(space: Space, check: bool, structure: bool) -> TrialFunction:
    from raypose.trial import train
    from raypose.tuning.checked import check_space

    if check:
        check_space(space, structure=structure)
    else:
        load_plugins(space.default().get("plugins") or [])
    return train
