"""`raypose.tune`: a search from a space to the best model, on Ray Tune and an Optuna study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from optuna.pruners import BasePruner
from optuna.trial import TrialState
from rich.console import Console

from raypose.check.epochs import longest
from raypose.check.rules import files
from raypose.config import Tune, read, read_duration, read_seed
from raypose.errors import RayPoseError
from raypose.files import write_json
from raypose.plugins import load_plugins
from raypose.reporting.asides import asides
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.pareto import front
from raypose.reporting.records import Record, final, load_records, winner
from raypose.reporting.roles import is_trial
from raypose.space import Space, initial_points
from raypose.tuning import experiment
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.drawing.warm_start import sources, take_over
from raypose.tuning.ending.gain import one_target
from raypose.tuning.faults.failures import telling_disk_full
from raypose.tuning.faults.interrupt import interruptible
from raypose.tuning.faults.lock import locked
from raypose.tuning.followups import more, refuse
from raypose.tuning.nodes.cluster import cluster
from raypose.tuning.nodes.preflight import preflight
from raypose.tuning.ray_run import Session
from raypose.tuning.sampling import sampler_choice
from raypose.tuning.sampling.samplers import build_sampler
from raypose.tuning.search_state import SearchState
from raypose.tuning.stopping import generations
from raypose.tuning.stopping.schedulers import build_scheduler, refuse_resume, why_not_resumed
from raypose.tuning.worker import TrialFunction


@dataclass(frozen=True)
class SearchResult:
    """Where the experiment lies, its trials (the best first), the signal that ended it early, if one did, and how many
    draws broke a constraint. `stopped` is why it ended before its last trial, if no signal did that, and `change` what a
    resume needs to go on, as options of `raypose tune`; None where nothing would make it. `front` is the Pareto front, where
    there are several objectives, the best in the first one first; `asides` are lines about what else the study has."""

    folder: Path
    records: list[Record]
    interrupted: int | None = None
    infeasible: Infeasible = field(default_factory=Infeasible)
    stopped: str = ""
    front: list[Record] = field(default_factory=list)
    change: str | None = None
    asides: list[str] = field(default_factory=list)

    @property
    def best(self) -> Record | None:
        """The best finished trial."""
        return winner(self.records)

    @property
    def final(self) -> Record | None:
        """The winner's last training, if there was one: finished, or failed."""
        return final(self.records)


def tune(
    space: Space | str | Path,
    *,
    trial: TrialFunction | None = None,
    experiments: str | Path = "experiments",
    resume: bool = False,
    num_trials: int | None = None,
    time_budget: float | str | None = None,
    warm_start: Sequence[str | Path] = (),
    address: str | None = None,
    dashboard_host: str | None = None,
    console: Console | None = None,
    quiet: bool = False,
    check: bool = True,
) -> SearchResult:
    """Search `space` with `trial(config, run)` (default: train a pose model) and keep everything in an experiment folder.

    `check` has a space of pose models checked before anything starts, as `raypose check` does; a resume goes without
    building every combination. Without it the space must have been checked, as by `raypose.tuning.checked.load_checked`.

    `num_trials` and `time_budget` (seconds, or a text such as 2h) stand for those of the `tune` section. `warm_start` are
    folders of experiments with the same space, whose finished trials are taken over for the sampler to learn from.

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
    if time_budget is not None:
        settings = replace(settings, time_budget=read_duration(time_budget, "time_budget"))
    seed = read_seed(default)
    refuse(settings.repeats, settings.goals)
    one_target(settings)
    limits = Limits.of(space, settings.constraints)
    points = _initial_points(space, settings)
    goal = settings.goals[0]
    early = partial(build_scheduler, settings.scheduler, goal.metric, goal.mode, longest(space.tree))
    pruner = scheduler if isinstance(scheduler := early(), BasePruner) else None
    _refuse_pruner(settings, pruner)
    generations.refuse(scheduler, space, settings.num_trials)
    build_sampler(sampler_choice.choose(space, settings)[0], seed, space)
    folder = experiment.open_folder(space, Path(experiments), default, resume)
    with telling_disk_full(folder), locked(folder):
        plugins = experiment.keep_space(space, folder, default, resume)
        others = sources(map(Path, warm_start), space, settings.goals, plugins, folder)
        experiment.declare_dimensions(space, folder, settings)
        state = SearchState(
            space, folder, settings, seed=seed, pruner=pruner, plugins=plugins, limits=limits, initial_points=points
        )
        take_over(state, others)
        chosen = sampler_choice.install(state.study, space, settings, seed)
        refuse_resume(state)
        inner = None if pruner or scheduler is None else early
        session = Session(state, trial, inner, console or Console(), quiet)
        runs = more(state)
        if runs and (count := len(settings.goals)) > 1 and "scheduler" not in default["tune"] and not quiet:
            session.console.print(f"no early stopping: it compares one value, but there are {count} objectives")
        if runs and chosen and not quiet:
            session.console.print(chosen, highlight=False, markup=False, soft_wrap=True)
        interrupted = _run(session, address, dashboard_host, is_training) if runs else None
        state.publish_best()
        if is_training and interrupted is None and not state.halted and "test" in default["data"]:
            _test_the_winner(folder / ("final" if settings.final else "best"))
    records, infeasible = load_records(folder)
    stopped, change = _stopped(state) if interrupted is None else ("", None)
    beside = asides(state.trials(), settings.goals)
    return SearchResult(
        folder, records, interrupted, infeasible, stopped, front(records, settings.goals), change, beside
    )


def _stopped(state: SearchState) -> tuple[str, str | None]:
    """Why a search ended before its last trial, and what a resume needs to go on; None where it would be refused."""
    if state.over is None:
        return "", None
    begun = any(map(is_trial, state.trials(TrialState.RUNNING)))
    reason = why_not_resumed(state.tune.scheduler)
    if reason and (begun or (state.draws.missing and state.over.change is not None)):
        return f"{state.over.why}; {reason}", None
    return state.stopped, state.over.change


def _refuse_pruner(settings: Tune, pruner: BasePruner | None) -> None:
    if len(settings.goals) > 1 and pruner is not None:
        raise RayPoseError(
            f"early stopping by Optuna's pruners compares one value, but tune.metric has {len(settings.goals)}",
            hint="write scheduler: null, or one of Ray's (ASHAScheduler), which goes by the first objective",
            rule="several-objectives",
        )


def _run(session: Session, address: str | None, dashboard_host: str | None, is_training: bool) -> int | None:
    """Run the trials of a search, then what follows them; returns the signal that ended it early, if one did."""
    state = session.state
    if not session.quiet and (reason := why_not_resumed(state.tune.scheduler)):
        session.console.print(reason, highlight=False, markup=False, soft_wrap=True)
    with (
        interruptible(lambda: state.end("interrupted")) as interrupt,
        cluster(address, session.console, session.quiet, dashboard_host) as joined,
    ):
        interrupt.listen()
        session = replace(session, grows=joined)
        preflight(
            state.folder,
            session.place,
            files=sorted({(key, node.value) for key, node in files(state.space.tree)}) if is_training else [],
            plugins=state.plugins,
            gpus=is_training,
            joined=joined,
            console=None if session.quiet else session.console,
        )
        while more(state):
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
    """Evaluate a model folder on `data.test`, once, and add it to its metrics.json."""
    from raypose.trial import evaluate

    file = best / "metrics.json"
    if file.exists() and "test" not in (known := json.loads(file.read_text())):
        write_json(file, {**known, "test": evaluate(best, "test", plugins=False)[0]})


def _checked_training(space: Space, check: bool, structure: bool) -> TrialFunction:
    from raypose.trial import train
    from raypose.tuning.checked import check_space

    if check:
        check_space(space, structure=structure)
    else:
        load_plugins(space.default().get("plugins") or [])
    return train
