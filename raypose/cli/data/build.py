from __future__ import annotations

from pathlib import Path

import click

from raypose.cli import _space


@click.command("build")
@_space.space_file
@_space.overrides
@click.option("--threads", type=click.IntRange(min=1), help="Threads that decode images (default: one a core).")
def command(space_file: Path, overrides: tuple[str, ...], threads: int | None) -> int:
    """Cut the instances of the datasets of SPACE from their images, and keep them on this machine: data.train and data.val.

    What is kept serves every configuration of the space: its largest input and its strongest augmentation. `raypose tune`
    does the same before its first trial; here it can be done ahead, on each node. What is there already is not cut again.

    Exit status 1 if some of it cannot be kept.
    """
    import os

    from rich.console import Console

    from raypose.tuning.checked import load_checked

    space = load_checked(space_file, overrides)
    from raypose.tuning.crops_of_space import space_needs
    from raypose.tuning.cutting import Shown, cut

    wanted = space_needs(space)
    if not wanted:
        click.echo(f"{space_file}: no crops to keep: data.store is false, or no two trials have the same dataset")
        return 0
    console = Console()
    with Shown(console) as shown:
        cuts = cut(wanted, threads or os.cpu_count() or 1, shown)
    for each in cuts:
        console.out(str(each), highlight=False)
        if each.path is not None:
            console.out(f"  {each.path}", highlight=False)
    return 0 if all(each.path is not None for each in cuts) else 1
