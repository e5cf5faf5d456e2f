from __future__ import annotations

import json
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any, Literal

import click

from raypose.cli import _space


@click.command("show")
@_space.space_file
@_space.overrides
@click.option("--on", "part", type=click.Choice(["train", "val", "test"]), default="train", show_default=True,
              help="Which of the space's datasets.")  # fmt: skip
@click.option("--num", type=click.IntRange(1, 200), default=8, show_default=True, help="How many instances.")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False),
              help="The PNG file to write (default: NAME-PART.png).")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Of the choice of instances and of their augmentation.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="What is in the dataset as JSON.")
def command(
    space_file: Path,
    overrides: tuple[str, ...],
    part: Literal["train", "val", "test"],
    num: int,
    target: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Draw samples of a dataset of the search space SPACE as one PNG file, and count what is in it.

    Each row is an instance: in its image, as the model sees it, with its training target, and augmented three times as in
    training. Where the space has dimensions their defaults are taken; --set chooses others.
    """
    from raypose import config
    from raypose.cli.data._samples import draw_samples
    from raypose.data import build_dataset
    from raypose.data.drawing import write_png
    from raypose.data.summary import summary
    from raypose.errors import RayPoseError
    from raypose.tuning.checked import load_checked

    printing = redirect_stdout(sys.stderr) if as_json else nullcontext()  # plugins may print
    with printing, _space.status("drawing ...", quiet=as_json):
        cfg = load_checked(space_file, overrides).default()
        data = config.read(config.Data, cfg["data"])
        target = target or Path(f"{cfg['name']}-{part}.png")
        if target.suffix.lower() != ".png":
            raise RayPoseError(f"--to must name a .png file, but got {target}", rule="wrong-value")
        table = build_dataset(data, part)
        told = summary(table)
        write_png(target, draw_samples(f"{cfg['name']}: {part}", cfg["model"], data, table, num, seed))
    if as_json:
        click.echo(json.dumps({"file": str(target), **told}, indent=1))
    else:
        _report(told)
        click.echo(f"\nwrote {target}")


def _report(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from raypose.reporting.words import counted

    ignored = f"; {counted(told['ignored'], 'annotation')} ignored" if told["ignored"] else ""
    click.echo(f"{counted(told['instances'], 'instance')} in {counted(told['images'], 'image')}{ignored}")
    sizes = list(told["image_sizes"].items())
    listed = ", ".join(f"{size} ({count})" for size, count in sizes[:4])
    more = f" and {len(sizes) - 4} other sizes" if len(sizes) > 4 else ""
    click.echo(f"image sizes: {listed + more if sizes else 'not in the annotation file'}")
    console = Console(highlight=False, markup=False)
    boxes = Table("boxes, pixels", box=None)
    for head in ("least", "25 %", "median", "75 %", "most"):
        boxes.add_column(head, justify="right")
    for side, values in told["boxes"].items():
        boxes.add_row(side, *(f"{value:.0f}" for value in values))
    keypoints = Table("keypoint", box=None)
    for head in ("visible", "occluded", "unlabelled", "labelled"):
        keypoints.add_column(head, justify="right")
    for name, counts in told["keypoints"].items():
        part = 1 - counts["unlabelled"] / max(1, sum(counts.values()))
        keypoints.add_row(name, *map(str, counts.values()), f"{part:.0%}")
    for each in (boxes, keypoints):
        console.print()
        console.print(each)
