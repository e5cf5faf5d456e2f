from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raypose.cli._next import quoted
from raypose.errors import RayPoseError

if TYPE_CHECKING:
    from raypose.cli._predicting import Job, Outcome
    from raypose.data.image_files import ImageFile
    from raypose.data.table import DatasetInfo

RESULTS = "predictions.json"


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path(path_type=Path))
@click.option("--boxes", "boxes_file", type=click.Path(path_type=Path),
              help="A COCO annotation file, or a detector's results as a list of {image_id or file_name, bbox, score}: "
                   "the boxes to look into (default: each image is one box).")  # fmt: skip
@click.option("--box-threshold", type=float, default=0.3, show_default=True,
              help="Lowest score of a detector's box that is looked into.")  # fmt: skip
@click.option("--threshold", type=float, default=0.3, show_default=True,
              help="Lowest score of a keypoint that is drawn; the results have all.")  # fmt: skip
@click.option("--to", "target", type=click.Path(path_type=Path, file_okay=False),
              help="The folder to write (default: predictions, with a number if that exists).")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace what lies in the folder that --to names.")
@click.option("--no-images", is_flag=True, help="Write the results alone, and draw nothing.")
@click.option("--device", help="cpu or cuda (default: cuda where there is one).")
@click.option("--json", "as_json", is_flag=True, help="What was written and what could not be read, as JSON.")
def command(
    model: Path, images: tuple[Path, ...], boxes_file: Path | None, box_threshold: float, threshold: float,
    target: Path | None, force: bool, no_images: bool, device: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Predict the keypoints of each IMAGE, a file or a folder with all folders in it, by the model folder MODEL.

    Draws skeletons into copies of the images, and writes predictions.json, COCO results with each image's file_name.

    Exit status 1 if some of the images cannot be read; the others are done. Ctrl-C keeps what was done until then.
    """
    from raypose.cli import _device, tell
    from raypose.cli._predicting import Drawing, outcomes
    from raypose.data.image_files import find_images
    from raypose.files import to_json, write_text
    from raypose.inference import load
    from raypose.reporting.words import counted

    predictor = load(model, _device.device(device))
    folder = _target(target, force)
    files = find_images(images, leave_out=folder)
    jobs, left_out = _jobs(files, boxes_file, predictor.info, box_threshold)
    _spare([each.image for each in jobs], folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawing = Drawing(None if no_images else folder, threshold, predictor.info)
    done = outcomes(predictor, jobs, drawing, threads=min(4, os.cpu_count() or 1))
    found, interrupted = _until_interrupted(done, len(jobs))
    entries = (to_json(entry, indent=None) for each in found for entry in each.entries)
    write_text(folder / RESULTS, "[\n" + ",\n".join(entries) + "\n]\n")
    problems = [problem for each in found for problem in each.problems]
    tell(problems)
    told = {
        "results": str(folder / RESULTS), "images": sum(not each.problems for each in found),
        "instances": sum(len(each.entries) for each in found), "keypoints": sum(each.keypoints for each in found),
        "unsure": sum(each.unsure for each in found), "left_out": left_out,
        "unreadable": [problem.file for problem in problems],
    }  # fmt: skip
    click.echo(to_json(told) if as_json else "\n".join(_lines(told, model, drawing.folder, threshold, boxes_file)))
    if interrupted:
        click.echo(f"interrupted: {RESULTS} has the first {len(found)} of {counted(len(jobs), 'image')}", err=True)
        return 130
    return 1 if problems else 0


def _until_interrupted(done: Iterator[Outcome], count: int) -> tuple[list[Outcome], bool]:
    """What is done when all is, or when Ctrl-C comes, and whether that came."""
    from rich.console import Console
    from rich.progress import track

    found: list[Outcome] = []
    console, quiet = Console(stderr=True), not sys.stderr.isatty()
    try:
        for each in track(done, "predicting", count, console=console, transient=True, disable=quiet):
            found.append(each)
    except KeyboardInterrupt:
        return found, True
    return found, False


def _jobs(
    files: Sequence[ImageFile], boxes_file: Path | None, info: DatasetInfo, box_threshold: float
) -> tuple[list[Job], list[str]]:
    """What is to be done, and the images that the boxes file does not know."""
    from raypose.cli._predicting import Job
    from raypose.data.boxes_file import match, read_boxes

    if boxes_file is None:
        return [Job(each, None, number) for number, each in enumerate(files, start=1)], []
    boxes = match(read_boxes(boxes_file, info, box_threshold), files, boxes_file)
    known = [(each, found) for each, found in zip(files, boxes, strict=True) if found is not None]
    jobs = [Job(each, found, number if found.image_id is None else found.image_id)
            for number, (each, found) in enumerate(known, start=1)]  # fmt: skip
    return jobs, [each.name for each, found in zip(files, boxes, strict=True) if found is None]


def _target(target: Path | None, force: bool) -> Path:
    if target is None:
        base = Path("predictions")
        return next(path for path in (base, *(Path(f"{base}-{n}") for n in range(2, 10_000))) if not path.exists())
    if not force and target.exists() and any(target.iterdir()):
        hint = "--force replaces what has the same name, --to names another folder"
        raise RayPoseError(f"the folder {target} is not empty", hint=hint, rule="file-exists")
    return target


def _spare(images: Sequence[ImageFile], folder: Path) -> None:
    """Raises RayPoseError if pictures would be written over the images."""
    if any((folder / each.name).resolve() == each.path.resolve() for each in images):
        message = f"the pictures in {folder} would replace the images themselves"
        raise RayPoseError(message, hint="name another folder with --to", rule="file-exists")


def _lines(
    told: dict[str, Any], model: Path, drawn: Path | None, threshold: float, boxes_file: Path | None
) -> list[str]:
    from raypose.data.coco_file import some
    from raypose.reporting.words import counted

    lines = [f"{counted(told['instances'], 'instance')} in {counted(told['images'], 'image')}"]
    if told["left_out"]:
        lines.append(f"left out, since {boxes_file} does not know them: {some(told['left_out'])}")
    if told["unsure"] and drawn:
        of = f"{told['unsure']} of {counted(told['keypoints'], 'keypoint')}"
        lines.append(f"{of} score below {threshold:g} and are not drawn (--threshold)")
    lines.append(f"wrote {told['results']}" + (f" and the images in {drawn}" if drawn else ""))
    return [*lines, f"next: raypose evaluate {quoted(model)}; raypose export {quoted(model)}"]
