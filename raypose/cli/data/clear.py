from __future__ import annotations

import time
from pathlib import Path

import click

from raypose.errors import RayPoseError


@click.command("clear")
@click.argument("stores", nargs=-1, metavar="[STORE]...")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--older-than", metavar="TIME", help="Those that were not used for so long: 30d, 12h.")
def command(stores: tuple[str, ...], everything: bool, older_than: str | None) -> None:
    """Remove crops that are kept on this machine: each STORE by its name, which `raypose data info` lists.

    Trainings that run keep what they have open. Removed crops are cut again when they are needed.
    """
    from raypose.cli.data import _kept
    from raypose.config import read_duration
    from raypose.data.crops import cache, leftovers, room
    from raypose.reporting.words import counted

    if sum([bool(stores), everything, older_than is not None]) != 1:
        raise RayPoseError(
            "say what to remove: the names of stores, --all, or --older-than 30d, one of these",
            hint="raypose data info lists them",
            rule="missing-option",
        )
    leftovers.sweep(cache.crops_folder())
    good, damaged = _kept.kept()
    folders = [*(store.folder for store in good), *damaged]
    sizes = {folder: _size(folder) for folder in folders}
    if stores:
        folders = _kept.chosen(stores, folders)
    elif older_than is not None:
        oldest = time.time() - read_duration(older_than, "--older-than")
        folders = [store.folder for store in good if store.used < oldest]
    for folder in folders:
        _remove(folder)
    if not folders:
        click.echo("nothing to remove")
        return
    freed = room.gigabytes(sum(sizes[folder] for folder in folders))
    click.echo(f"removed {counted(len(folders), 'store')} of crops, {freed}")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _remove(folder: Path) -> None:
    from raypose.data.crops import leftovers

    try:
        leftovers.remove(folder)
    except OSError as error:
        raise RayPoseError(f"cannot remove {folder}: {error.strerror}", rule="crop-store", exit_status=1) from None
