from __future__ import annotations

import shlex
from pathlib import Path

import click

from raypose.cli import _space


@click.command("tune")
@_space.space_file
@_space.overrides
@click.option("--experiments", type=click.Path(path_type=Path), default=Path("experiments"), show_default=True,
              help="Where the experiment's folder is made.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an experiment that was interrupted, or extend a finished one.")
@click.option("--num-trials", type=click.IntRange(min=1), help="Trials in all, instead of tune.num_trials.")
@click.option("--address", help="Join the Ray cluster at this address (`auto`: the one on this machine).")
@click.option("--no-check", is_flag=True, help="Start without building every combination first, as --resume does.")
@click.option("--quiet", is_flag=True, help="Print the result only.")
def command(
    space_file: Path,
    overrides: tuple[str, ...],
    experiments: Path,
    resume: bool,
    num_trials: int | None,
    address: str | None,
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

    from raypose.tuning.checked import check_structure, load_checked

    console = Console()
    space = load_checked(space_file, overrides)  # before ray is imported, so that mistakes show at once
    if not no_check and not resume:
        with _space.status("building every combination ...", quiet):
            check_structure(space)
    from raypose.cli._result import print_result
    from raypose.tuning import tune

    result = tune(
        space, experiments=experiments, resume=resume, num_trials=num_trials, address=address, console=console, quiet=quiet,
        check=False,
    )  # fmt: skip
    if result.interrupted is not None:
        given = {"experiments": experiments, "num-trials": num_trials, "address": address}
        options = [f" --{name} {value}" for name, value in given.items() if value not in (None, Path("experiments"))]
        options += [f" --set {shlex.quote(each)}" for each in overrides]
        command_line = f"raypose tune {space_file} --resume{''.join(options)}"
        console.print(f"\ninterrupted; go on with: {command_line}", markup=False, soft_wrap=True)
        return 128 + result.interrupted
    return print_result(console, result, space)
