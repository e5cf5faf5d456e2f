from __future__ import annotations

from pathlib import Path

import click

from raypose.cli import _space
from raypose.cli._go_on import DEFAULT_EXPERIMENTS, command_line


@click.command("tune")
@_space.space_file
@_space.overrides
@click.option("--experiments", type=click.Path(path_type=Path), default=DEFAULT_EXPERIMENTS, show_default=True,
              help="Where the experiment's folder is made.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an experiment that was interrupted, or extend a finished one.")
@click.option("--num-trials", type=click.IntRange(min=1), help="Trials in all, instead of tune.num_trials.")
@click.option("--time-budget", help="Time for this start of the search, such as 90 (seconds), 30m or 2h.")
@click.option("--warm-start", multiple=True, type=click.Path(path_type=Path), metavar="EXPERIMENT",
              help="Learn from the finished trials of this experiment of the same space; may be given again.")  # fmt: skip
@click.option("--address", help="Join the Ray cluster at HOST:PORT (`auto`: the one on this machine), see docs/cluster.md; "
              "default: RAY_ADDRESS, else one is started.")  # fmt: skip
@click.option("--dashboard-host", help="Where the dashboard of a cluster that is started listens; 0.0.0.0: everywhere. "
              "Default: on this machine only.")  # fmt: skip
@click.option("--no-check", is_flag=True, help="Start without building every combination first, as --resume does.")
@click.option("--quiet", is_flag=True, help="Print the result only.")
def command(
    space_file: Path,
    overrides: tuple[str, ...],
    experiments: Path,
    resume: bool,
    num_trials: int | None,
    time_budget: str | None,
    warm_start: tuple[Path, ...],
    address: str | None,
    dashboard_host: str | None,
    no_check: bool,
    quiet: bool,
) -> int:
    """Search the space in the file SPACE: train its configurations and keep the best model.

    It is checked first, as by `raypose check`; nothing starts while there are mistakes. --resume checks names,
    arguments and values again, but goes without building every combination. Everything is kept in EXPERIMENTS/NAME.
    Watch it with `tensorboard --logdir EXPERIMENTS`. Ctrl-C ends it; --resume goes on with what was running and loses
    nothing.
    """
    from rich.console import Console

    from raypose.config import read_duration
    from raypose.tuning.checked import check_structure, load_checked

    console = Console()
    seconds = None if time_budget is None else read_duration(time_budget, "--time-budget")
    space = load_checked(space_file, overrides)  # before ray is imported, so that mistakes show at once
    if not no_check and not resume:
        with _space.status("building every combination ...", quiet):
            check_structure(space)
    from raypose.cli._result import print_result
    from raypose.tuning import tune
    from raypose.tuning.stopping.schedulers import why_not_resumed

    result = tune(
        space, experiments=experiments, resume=resume, num_trials=num_trials, time_budget=seconds, warm_start=warm_start,
        address=address, dashboard_host=dashboard_host, console=console, quiet=quiet, check=False,
    )  # fmt: skip
    given = {"experiments": experiments, "num-trials": num_trials, "time-budget": time_budget, "address": address,
             "dashboard-host": dashboard_host}  # fmt: skip
    if result.interrupted is not None:
        given_up = why_not_resumed((space.default().get("tune") or {}).get("scheduler"))
        go_on = given_up or f"go on with: {command_line(space_file, given, overrides)}"
        console.out(f"\ninterrupted; {go_on}")
        return 128 + result.interrupted
    status = print_result(console, result, space)
    if result.stopped:
        console.out(f"\nstopped: {result.stopped}", highlight=False)
    if result.change is None:
        return status
    console.out(f"go on with: {command_line(space_file, given, overrides, result.change)}")
    return 0
