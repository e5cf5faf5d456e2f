from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raypose.cli import _space

if TYPE_CHECKING:
    from raypose.tuning.checked import Findings


@click.command("check")
@_space.space_file
@_space.overrides
@click.option("--static", is_flag=True, help="Check names, arguments and values only; nothing is built.")
@click.option("--table", is_flag=True, help="What each combination costs, not only the least and the most.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, for editors and scripts.")
def command(space_file: Path, overrides: tuple[str, ...], static: bool, table: bool, as_json: bool) -> int:
    """Check the search space SPACE, every branch of it, without training anything.

    Names, arguments and values come first. Then every combination of the options that change the model is built, without
    memory for its weights: what doesn't go together is found, and what the models cost. All mistakes are listed at once,
    each with file, line and column; the exit status is 2 if there are any.
    """
    from raypose.tuning.checked import examine

    with _space.status("building every combination ...", quiet=static or as_json):
        found = examine(space_file, overrides, structure=not static)
    if as_json:
        click.echo(json.dumps(_plain(found), indent=1))
        return 2 if found.failed else 0
    for problem in found.problems:
        click.echo(f"error: {problem}" if problem.level == "error" else str(problem), err=True)
    if found.failed:
        return 2
    _tell(space_file, found, table)
    return 0


def _tell(space_file: Path, found: Findings, table: bool) -> None:
    from rich.console import Console

    from raypose.cli import _costs
    from raypose.proof.constraints import met

    dimensions = len(found.space.dimensions) if found.space else 0
    said = [f"{dimensions} dimension{'s' * (dimensions != 1)}"]
    if found.proof is not None:
        count = len(found.proof.rows)
        what = "every combination" if found.proof.complete else "every pair of options"
        said.append(f"{what} of the model built ({count})")
    click.echo(f"{space_file}: no mistakes found; {', '.join(said)}")
    if found.proof is not None and found.proof.on_cpu:
        click.echo(f"built on the CPU, since its code can't run without values: {', '.join(found.proof.on_cpu)}")
    if found.prices and found.space:
        click.echo()
        Console(highlight=False).print((_costs.whole if table else _costs.summary)(found.prices))
        for text, count in met(found.space, found.prices).items():
            click.echo(f"{text}: met by {count} of {len(found.prices)} combinations")


def _plain(found: Findings) -> dict[str, Any]:
    proof = found.proof
    proven = None if proof is None else {"complete": proof.complete, "on_cpu": proof.on_cpu}
    rows = [{**asdict(price), "row": dict(price.row)} for price in found.prices]
    return {"problems": [asdict(each) for each in found.problems], "proof": proven, "combinations": rows}
