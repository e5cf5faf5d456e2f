from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from raypose.cli import _space


@click.command("sample")
@_space.space_file
@_space.overrides
@click.option("-n", "--number", type=click.IntRange(min=1), default=1, show_default=True,
              help="How many configurations.")  # fmt: skip
@click.option("--seed", type=int, help="Seed of the draw (default: the space's own).")
@click.option("--default", "first", is_flag=True, help="The space's default: first options, middles of ranges.")
@click.option("--table", is_flag=True, help="The configurations side by side, with what they cost.")
def command(
    space_file: Path, overrides: tuple[str, ...], number: int, seed: int | None, first: bool, table: bool
) -> None:
    """Print NUMBER configurations drawn at random from the search space SPACE, as YAML documents.

    Each is a file that `raypose train` takes.
    """
    from raypose.space import defaults, dump, from_random
    from raypose.tuning.checked import load_checked

    space = load_checked(space_file, overrides)
    rng = random.Random(seed if seed is not None else space.sample(defaults).get("seed", 0))
    suggest = defaults if first else from_random(rng)
    count = 1 if first else number
    if table:
        _side_by_side(space, suggest, count)
    else:
        click.echo("---\n".join(dump(space.sample(suggest, portable=True)) for _ in range(count)), nl=False)


def _side_by_side(space: Any, suggest: Callable[[Any], Any], count: int) -> None:
    from rich.console import Console

    from raypose.cli import _costs
    from raypose.errors import RayPoseError
    from raypose.plugins import located
    from raypose.proof import Costs
    from raypose.space.walker import cast

    rows: list[dict[str, Any]] = [{} for _ in range(count)]

    def noting(row: dict[str, Any]) -> Callable[[Any], Any]:
        def asked(dimension: Any) -> Any:
            value = suggest(dimension)
            row[dimension.name] = cast(dimension, value) if hasattr(dimension, "args") else value
            return value

        return asked

    configs = [space.sample(noting(row)) for row in rows]
    costs, console = Costs(), Console(highlight=False, markup=False)
    prices: list[Any] = []
    reasons: dict[str, list[int]] = {}
    with _space.status("counting what they cost ..."):
        for number, config in enumerate(configs, 1):
            try:
                prices.append(costs(config))
            except RayPoseError as error:
                prices.append(None)
                reasons.setdefault("; ".join(map(str, located(error))), []).append(number)
    names = [each.name for each in space.dimensions]
    for i, table in enumerate(_costs.side_by_side(names, rows, prices, console.width)):
        if i:
            console.print()
        console.print(table)
    for reason, numbers in reasons.items():
        click.echo(f"{', '.join(map(str, numbers))} {_costs.UNBUILT}: {reason}")
