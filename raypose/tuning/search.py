"""`raypose.tune`: a search from a space to the best model, on Ray Tune and an Optuna study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from raypose.check.rules import files
from raypose.files import read_json, write_json
from raypose.plugins import load_plugins
from raypose.space import Space
from raypose.tuning import experiment
from raypose.tuning.columns import declare
from raypose.tuning.drawing.warm_start import sources, take_over
from raypose.tuning.faults.failures import telling_disk_full
from raypose.tuning.faults.interrupt import interruptible
from raypose.tuning.faults.lock import locked
from raypose.tuning.followups import more
from raypose.tuning.nodes.cluster import cluster
from raypose.tuning.nodes.preflight import preflight
from raypose.tuning.plan import Plan
from raypose.tuning.ray_run import Session
from raypose.tuning.result import SearchResult
from raypose.tuning.sampling import sampler_choice
from raypose.tuning.search_state import SearchState
from raypose.tuning.stopping.schedulers import refuse_resume, why_not_resumed
from raypose.tuning.worker import TrialFunction


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
    plan = Plan.of(space, num_trials, time_budget)
    console = Console(quiet=True) if quiet else console or Console()
    folder = experiment.open_folder(space, Path(experiments), plan.config, resume)
    with telling_disk_full(folder), locked(folder):
        state, sampler = _open(plan, folder, warm_start, resume)
        interrupted = None
        if more(state):
            _tell_what_was_chosen(plan, sampler, console)
            session = Session(state, trial, plan.scheduler, console)
            interrupted = _run(session, address, dashboard_host, is_training)
        state.publish_best()
        if is_training and interrupted is None and not state.halted and plan.has_test:
            _test_the_winner(folder / ("final" if plan.tune.final else "best"))
    return SearchResult.of(state, interrupted)


def _open(plan: Plan, folder: Path, warm_start: Sequence[str | Path], resume: bool) -> tuple[SearchState, str]:
    """The state of a search whose folder is there, and a line on its sampler if the YAML names none."""
    space, tune, seed = plan.space, plan.tune, plan.seed
    plugins = experiment.keep_space(space, folder, plan.config, resume)
    others = sources(map(Path, warm_start), space, tune.goals, plugins, folder)
    declare(folder.parent)
    state = SearchState(
        space,
        folder,
        tune,
        seed=seed,
        pruner=plan.pruner,
        plugins=plugins,
        limits=plan.limits,
        initial_points=plan.points,
    )
    take_over(state, others)
    sampler = sampler_choice.install(state.study, space, tune, seed)
    refuse_resume(state)
    return state, sampler


def _tell_what_was_chosen(plan: Plan, sampler: str, console: Console) -> None:
    """What the YAML leaves open."""
    if (count := len(plan.tune.goals)) > 1 and "scheduler" not in plan.config["tune"]:
        console.print(f"no early stopping: it compares one value, but there are {count} objectives")
    if sampler:
        console.out(sampler, highlight=False)


def _run(session: Session, address: str | None, dashboard_host: str | None, is_training: bool) -> int | None:
    """Run the trials of a search, then what follows them; returns the signal that ended it early, if one did."""
    state = session.state
    if reason := why_not_resumed(state.tune.scheduler):
        session.console.out(reason, highlight=False)
    with (
        interruptible(lambda: state.end("interrupted")) as interrupt,
        cluster(address, session.console, dashboard_host) as joined,
    ):
        interrupt.listen()
        session = replace(session, grows=joined)
        _prepare(session, is_training, joined, lambda: interrupt.signal is not None)
        while more(state):
            session.run()
    return interrupt.signal


def _prepare(session: Session, is_training: bool, joined: bool, stopped: Callable[[], bool]) -> None:
    """What comes before the first trial: a look at all nodes, and the crops that trainings read."""
    state, place, console = session.state, session.place, session.console
    preflight(
        state.folder,
        place,
        console,
        files=sorted({(key, node.value) for key, node in files(state.space.tree)}) if is_training else [],
        plugins=state.plugins,
        gpus=is_training,
        joined=joined,
    )
    if is_training:
        from raypose.tuning.nodes.crops import cut_on_nodes

        cut_on_nodes(state.space, place, state.plugins, console, stopped)


def _test_the_winner(best: Path) -> None:
    """Evaluate a model folder on `data.test`, once, and add it to its metrics.json."""
    from raypose.evaluation import evaluate

    file = best / "metrics.json"
    if (known := read_json(file)) and "test" not in known:
        write_json(file, {**known, "test": evaluate(best, "test", plugins=False)[0]})


def _checked_training(space: Space, check: bool, structure: bool) -> TrialFunction:
    from raypose.trial import train
    from raypose.tuning.checked import check_space

    if check:
        check_space(space, structure=structure)
    else:
        load_plugins(space.default().get("plugins") or [])
    return train
