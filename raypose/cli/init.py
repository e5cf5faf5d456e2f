from __future__ import annotations

import re
from pathlib import Path

import click


@click.command("init")
@click.argument("ann_file", type=click.Path(path_type=Path))
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="Folder of the images (default: looked for near each annotation file).",
)
@click.option(
    "--val", type=click.Path(path_type=Path), help="Annotations to validate on (default: a fifth of ANN_FILE)."
)
@click.option("--name", help="Name of the experiment (default: from the folder of ANN_FILE).")
@click.option("--to", "target", type=click.Path(path_type=Path), help="The file to write (default: NAME.yaml).")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def command(
    ann_file: Path, images: Path | None, val: Path | None, name: str | None, target: Path | None, force: bool
) -> None:
    """Write a starter search space for the COCO keypoints file ANN_FILE, with ranges that suit its size."""
    from raypose.cli._next import quoted
    from raypose.config import NAME_PATTERN
    from raypose.data import CocoKeypoints
    from raypose.data.build import check_same_keypoints
    from raypose.errors import RayPoseError
    from raypose.files import write_text
    from raypose.starter import Source, find_images, starter_space

    if name is not None and not re.fullmatch(NAME_PATTERN, name):
        raise RayPoseError(
            f"--name must match {NAME_PATTERN} (letters, digits, _ . -), but got '{name}'", rule="wrong-value"
        )
    train_images = images or find_images(ann_file)
    table, val_source = CocoKeypoints(ann_file=str(ann_file), img_prefix=str(train_images)), None
    if val is not None:
        val_source = val, images or find_images(val)
        check_same_keypoints(table, {"val": CocoKeypoints(*map(str, val_source))})
    name = name or re.sub(r"\W+", "_", ann_file.resolve().parent.parent.name).strip("_") or "search"
    target = target or Path(f"{name}.yaml")
    if target.exists() and not force:
        raise RayPoseError(f"{target} exists", hint="--force replaces it, --to names another file", rule="file-exists")
    write_text(target, starter_space(Source(ann_file, train_images, val_source, name, target), table))
    click.echo(f"wrote {target}: {len(table)} instances, {len(table.info.names)} keypoints, {len(table.paths)} images")
    click.echo(f"next: raypose check {quoted(target)}; raypose tune {quoted(target)}")
