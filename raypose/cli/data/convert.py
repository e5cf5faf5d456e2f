from __future__ import annotations

import shlex
from pathlib import Path

import click


@click.command("convert")
@click.argument("source", metavar="PROJECT", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="The folder to write annotations/train.json and annotations/val.json into.")  # fmt: skip
@click.option("--val", type=click.FloatRange(0, 1, max_open=True), default=0.2, show_default=True,
              help="Fraction of the images to validate on: whole videos where there are several; 0 for none.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the choice of these.")
@click.option("--force", is_flag=True, help="Replace the files if they exist.")
def command(source: Path, target: Path, val: float, seed: int, force: bool) -> None:
    """Write the labels of a DeepLabCut project as COCO keypoints files.

    PROJECT is the folder with config.yaml, or one CollectedData CSV file. Images are not copied: the files name them
    relative to the project. Boxes are those of the keypoints, with a margin.
    """
    from raypose.data.deeplabcut import convert
    from raypose.reporting.words import counted

    done = convert(source, target, val, seed, force)
    for part, file in done.files.items():
        click.echo(
            f"wrote {file}: {counted(done.instances[part], 'instance')} in {counted(done.images[part], 'image')}"
        )
    click.echo(f"held out for val: {done.held_out}")
    for note in done.notes:
        click.echo(note)
    val_option = ["--val", str(done.files["val"])] if "val" in done.files else []
    words = ["raypose", "init", str(done.files["train"]), *val_option, "--images", str(done.images_root)]
    click.echo(f"next: {shlex.join(words)}")
