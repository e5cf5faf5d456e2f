from __future__ import annotations

from pathlib import Path

import click


@click.command("check")
@click.argument("space_file", metavar="SPACE", type=click.Path(path_type=Path))
def command(space_file: Path) -> None:
    """Check the search space SPACE, every branch of it, without training anything.

    All mistakes are listed at once, each with file, line and column; the exit status is 2 if there are any.
    """
    from raypose.tuning.checked import load_checked

    space = load_checked(space_file)
    dimensions = len(space.dimensions)
    click.echo(f"{space_file}: no mistakes found; {dimensions} dimension{'s' * (dimensions != 1)}")
