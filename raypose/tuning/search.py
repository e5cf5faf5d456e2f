"""`raypose.tune`: a search from a space to the best model, on Ray Tune and an Optuna study."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from optuna.pruners import BasePruner
from rich.console import Console

from raypose.config import Tune, read
from raypose.files import write_json
from raypose.reporting.records import Record, load_records
from raypose.space import Space
from raypose.tuning import experiment
from raypose.tuning.factory import build_sampler, build_scheduler
from raypose.tuning.lock import locked
from raypose.tuning.ray_run import run_trials
from raypose.tuning.search_state import SearchState
from raypose.tuning.worker import TrialFunction


@dataclass(frozen=True)
class SearchResult:
    """Where the experiment lies, its trials (the best first), and the signal that ended it early, if one did."""

    folder: Path
    records: list[Record]
    interrupted: int | None = None

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
) -> SearchResult:
    """Search `space` with `trial(config, run)` (default: train a pose model) and keep everything in an experiment folder.

    Raises:
        RayPoseError: wrong input; nothing was started.

    Example:
        >>> result = raypose.tune("search_spaces/quickstart.yaml")
        >>> result.best.value
    """
    space = space if isinstance(space, Space) else Space.load(space)
    is_training = trial is None
    trial = _checked_training(space) if trial is None else trial
    default = space.default()
    settings = read(Tune, default.get("tune"))
    if num_trials is not None:
        settings = replace(settings, num_trials=num_trials)
    seed = int(default.get("seed", 0))
    scheduler = build_scheduler(settings.scheduler, settings.metric, settings.mode, experiment.longest(space))
    build_sampler(settings.sampler, seed)
    folder = experiment.open_folder(space, Path(experiments), default, resume)
    with locked(folder):
        plugins = experiment.keep_space(space, folder, default, resume)
        experiment.declare_dimensions(space, folder, settings)
        pruner = scheduler if isinstance(scheduler, BasePruner) else None
        state = SearchState(space, folder, settings, seed=seed, pruner=pruner, plugins=plugins)
        state.study.sampler = build_sampler(settings.sampler, seed + len(state.trials()))
        inner = None if pruner is not None else scheduler
        interrupted = run_trials(state, trial, inner, address, console or Console(), quiet)
        state.publish_best()
        if is_training and interrupted is None and "test" in default["data"]:
            _test_the_winner(folder / "best")
    return SearchResult(folder, load_records(folder)[0], interrupted)


def _test_the_winner(best: Path) -> None:
    """Evaluate the best model on `data.test`, once, and add it to its metrics.json."""
    from raypose.trial import evaluate

    file = best / "metrics.json"
    if file.exists() and "test" not in (known := json.loads(file.read_text())):
        write_json(file, {**known, "test": evaluate(best, "test")[0]})


def _checked_training(space: Space) -> TrialFunction:
    from raypose.trial import train
    from raypose.tuning.checked import check_space

    check_space(space)

    return train
