from __future__ import annotations

import json
import shlex
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raypose.cli import _space, tell
from raypose.reporting.words import counted

if TYPE_CHECKING:
    from raypose.space import Space
    from raypose.tuning.checked import Findings
    from raypose.tuning.checked_data import Checked


@click.command("check")
@_space.space_file
@_space.overrides
@click.option("--static", is_flag=True, help="Check names, arguments and values only; nothing is built.")
@click.option("--data", "with_data", is_flag=True, help="Also read every dataset, and decode all of its images.")
@click.option("--table", is_flag=True, help="What each combination costs, not only the least and the most.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, for editors and scripts.")
def command(
    space_file: Path, overrides: tuple[str, ...], static: bool, with_data: bool, table: bool, as_json: bool
) -> int:
    """Check the search space SPACE, every branch of it, without training anything.

    Names, arguments and values come first. Then every combination of the options that change the model is built, without
    memory for its weights: what doesn't go together is found, and what the models cost. All mistakes are listed at once,
    each with file, line and column; the exit status is 2 if there are any.

    With --data, so is all that is wrong with the data: annotations that cannot be used, and images that are missing,
    damaged, or of another size than their annotation file says.
    """
    from raypose.tuning.checked import examine

    printing = redirect_stdout(sys.stderr) if as_json else nullcontext()  # plugins may print
    with printing, _space.status("building every combination ...", quiet=static or as_json):
        found = examine(space_file, overrides, structure=not static)
    checked = None
    if with_data and found.space is not None:
        found, checked = _with_data(found, found.space, quiet=as_json)
    if as_json:
        click.echo(json.dumps(_plain(found), indent=1))
        return 2 if found.failed else 0
    tell(found.problems)
    if found.failed:
        return 2
    _report(space_file, found, table)
    if checked is not None:
        click.echo(f"read {counted(checked.datasets, 'dataset')} and decoded {counted(checked.images, 'image')}")
    does = "tune" if found.space is not None and found.space.dimensions else "train"
    again = [word for each in overrides for word in ("--set", each)]
    click.echo(f"next: {shlex.join(['raypose', does, str(space_file), *again])}")
    return 0


def _with_data(found: Findings, space: Space, quiet: bool) -> tuple[Findings, Checked]:
    """What was found, and what is wrong with the data besides."""
    import os

    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn

    from raypose.tuning.checked_data import check_data

    console = Console(stderr=True)
    columns = (TextColumn("decoding all images ..."), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("images")
        checked = check_data(
            space, os.cpu_count() or 1, lambda done, total: bar.update(task, completed=done, total=total)
        )
    told = [each.message for each in found.problems]  # of annotations, which the proof reads, too
    new = [each for each in checked.problems if not any(text.startswith(each.message) for text in told)]
    return replace(found, problems=[*found.problems, *new]), checked


def _report(space_file: Path, found: Findings, table: bool) -> None:
    from rich.console import Console

    dimensions = [each.name for each in found.space.dimensions] if found.space else []
    count = len(found.combinations)
    said = [counted(len(dimensions), "dimension")]
    if found.proof is not None:
        said.append(
            f"every combination of the model built ({count})"
            if found.proof.complete
            else f"every pair of options of the model built, in {counted(count, 'combination')}"
        )
    mistakes = f"no mistakes, {counted(len(found.problems), 'warning')}" if found.problems else "no mistakes found"
    click.echo(f"{space_file}: {mistakes}; {', '.join(said)}")
    if found.proof is not None and found.proof.on_cpu:
        click.echo(f"built on the CPU, since its code can't run without values: {', '.join(found.proof.on_cpu)}")
    if found.prices and found.proof is not None:
        from raypose.cli import _costs

        click.echo()
        corner = "" if found.proof.complete else "of these"
        shown = _costs.whole(found.prices, dimensions) if table else _costs.summary(found.prices, corner)
        Console(highlight=False, markup=False).print(shown)
        of = "" if found.proof.complete else "these "
        for text, met in found.met().items():
            click.echo(f"{text}: met by {met} of {of}{counted(count, 'combination')}")


def _plain(found: Findings) -> dict[str, Any]:
    proof = found.proof
    proven = None if proof is None else {"complete": proof.complete, "on_cpu": proof.on_cpu}
    rows = [{**asdict(price), "row": dict(price.row)} for price in found.prices]
    return {"problems": [asdict(each) for each in found.problems], "proof": proven, "combinations": rows}
