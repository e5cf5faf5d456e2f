from __future__ import annotations

import random
from pathlib import Path

import click


@click.command("sample")
@click.argument("space_file", metavar="SPACE", type=click.Path(path_type=Path))
@click.option("-n", "--number", default=1, show_default=True, help="How many configurations.")
@click.option("--seed", type=int, help="Seed of the draw (default: the space's own).")
@click.option("--default", "first", is_flag=True, help="The space's default: first options, middles of ranges.")
def command(space_file: Path, number: int, seed: int | None, first: bool) -> None:
    """Print NUMBER configurations drawn at random from the search space SPACE, as YAML documents.

    Each is a file that `raypose train` takes.
    """
    from raypose.space import defaults, dump, from_random
    from raypose.tuning.checked import load_checked

    space = load_checked(space_file)
    rng = random.Random(seed if seed is not None else space.sample(defaults).get("seed", 0))
    suggest = defaults if first else from_random(rng)
    documents = [dump(space.sample(suggest, portable=True)) for _ in range(1 if first else number)]
    click.echo("---\n".join(documents), nl=False)
