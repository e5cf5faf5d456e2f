from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raypose.cli import tell
from raypose.errors import Problem

if TYPE_CHECKING:
    from raypose.data.crops import CropStore


@click.command("info")
@click.option("--verify", is_flag=True, help="Read all of it, and check its sums; exit status 1 if some is damaged.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
def command(verify: bool, as_json: bool) -> int:
    """List the crops that are kept on this machine: of which datasets, how many, how large, and what they serve."""
    from raypose.cli import _space
    from raypose.cli.data import _kept
    from raypose.data.crops import cache, room

    stores, damaged = _kept.kept()
    wrong = [problem for folder, error in damaged.items() for problem in _damage(folder, error.problems)]
    if verify:
        with _space.status("reading all crops ...", quiet=as_json):
            wrong += [problem for store in stores for problem in _damage(store.folder, store.verify())]
    total = sum(store.bytes for store in stores)
    space = {"folder": str(cache.crops_folder()), "bytes": total, "budget": room.budget(), "free": room.free()}
    if as_json:
        found = {**space, "stores": [_plain(store) for store in stores], "damaged": [each.file for each in wrong]}
        click.echo(json.dumps(found, indent=1))
    else:
        _show(stores, space)
        if verify and stores and not wrong:
            click.echo("verified: nothing is damaged")
    tell(wrong)
    return 1 if wrong else 0


def _plain(store: CropStore) -> dict[str, Any]:
    from raypose.cli.data import _kept

    told = {key: store.about[key] for key in ("category", "folders", "instances", "images", "made")}
    name = {"name": _kept.name(store.folder), "path": str(store.folder)}
    return {**name, **told, "used": store.used, "bytes": store.bytes, "needs": store.needs.to_json()}


def _damage(folder: Path, problems: list[Problem]) -> list[Problem]:
    from raypose.cli.data import _kept

    hint = f"raypose data clear {_kept.name(folder)} removes it, and the next training makes it anew"
    told = (each.message.removeprefix(f"{folder}: ") for each in problems)
    return [Problem(message, str(folder), hint=hint, rule="crop-store") for message in told]


def _show(stores: list[CropStore], space: dict[str, Any]) -> None:
    from raypose.cli.data import _kept
    from raypose.data.crops import room

    if not stores:
        click.echo(f"no crops are kept in {space['folder']}")
        return
    for store in stores:
        click.secho(_kept.name(store.folder), bold=True, nl=False)
        click.echo("  " + "\n  ".join(_words(store)) + "\n")
    total, budget, free = (room.gigabytes(space[key]) for key in ("bytes", "budget", "free"))
    click.echo(f"{total} of at most {budget} (RAYPOSE_CACHE_SIZE); the disk has {free} left")
    click.echo(space["folder"])


def _words(store: CropStore) -> list[str]:
    """How much it is, of what, and for which inputs and augmentation."""
    from raypose.data.crops import room

    about, needs = store.about, store.needs
    crops = f"{about['instances']:,} crops of {about['images']:,} images, {room.gigabytes(store.bytes)}"
    sizes = ", ".join(f"{width}x{height}" for width, height in needs.input_sizes)
    low, high = needs.padding
    margins = [f"padding {low:g}" if low == high else f"padding {low:g} to {high:g}"]
    margins += [f"{key} {value:g}" for key in ("rotation", "scale", "shift") if (value := getattr(needs, key))]
    margins += ["half_body"] if needs.half_body else []
    return [
        f"{crops}, made {_ago(about['made'])}, used {_ago(store.used)}",
        ", ".join([about["category"], *about["folders"][:1]]),
        f"for {sizes}; {', '.join(margins)}",
    ]


def _ago(then: float) -> str:
    seconds = max(time.time() - then, 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"
