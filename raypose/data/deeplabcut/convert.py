"""COCO keypoints files of a project, whose images stay where they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raypose.data.coco_file import some
from raypose.data.deeplabcut.project import read_project
from raypose.data.deeplabcut.records import Record, content, records
from raypose.errors import RayPoseError
from raypose.files import write_json

_CHOICES = 100  # random choices of what is held out; the one that comes nearest to the fraction is taken


@dataclass(frozen=True)
class Converted:
    """What was written."""

    images_root: Path  # that the files' images are relative to
    files: dict[str, Path]  # of `train` and, where there is one, `val`
    images: dict[str, int]  # how many images in each
    instances: dict[str, int]
    held_out: str  # what is in `val`
    notes: list[str]  # what was left out


def convert(source: Path, target: Path, val: float = 0.2, seed: int = 0, force: bool = False) -> Converted:
    """Write `target`/annotations/train.json and val.json of a DeepLabCut project, or of one CSV file of labels.

    `val` has about this fraction of the images: whole videos where there are several. 0 leaves it out.

    Raises:
        RayPoseError: all that is wrong with the project, files that exist (unless `force`), or nothing labelled.

    Example:
        >>> convert(Path("openfield-Pranav-2018-10-30"), Path("openfield")).images
        {'train': 93, 'val': 23}
    """
    if not 0 <= val < 1:
        raise RayPoseError(f"0 <= val < 1 must hold, but got val={val}", rule="split-range")
    project = read_project(source)
    folder = target / "annotations"
    both = {part: folder / f"{part}.json" for part in ("train", "val")}
    if there := [str(file) for file in both.values() if file.exists() and not force]:
        raise RayPoseError(f"already there: {', '.join(there)}", hint="--force replaces them", rule="file-exists")
    images, annotations = records(project)
    chosen, held_out = _held_out([image["video"] for image in images], val, seed)
    parts = {"train": ~chosen, **({"val": chosen} if chosen.any() else {})}
    contents = {part: content(project, images, annotations, keep) for part, keep in parts.items()}
    _write(folder, both, contents)
    return Converted(
        images_root=project.root,
        files={part: both[part] for part in contents},
        images={part: len(each["images"]) for part, each in contents.items()},
        instances={part: len(each["annotations"]) for part, each in contents.items()},
        held_out=held_out,
        notes=project.notes,
    )


def _write(folder: Path, both: dict[str, Path], contents: dict[str, Record]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part, each in contents.items():
            write_json(both[part], each)
        for part in both.keys() - contents.keys():  # of an earlier conversion, whose images are in the others now
            both[part].unlink(missing_ok=True)
    except OSError as error:
        raise RayPoseError(f"cannot write to {folder}: {error.strerror}", rule="file-write", exit_status=1) from None


def _held_out(videos: list[str], fraction: float, seed: int) -> tuple[np.ndarray, str]:
    """[M] bool, and what it is in words: whole videos, as near to the fraction as some random choice of them comes."""
    names, group = np.unique(videos, return_inverse=True)
    by_video = len(names) > 1
    group = group if by_video else np.arange(len(videos))
    counts = np.bincount(group)
    if not fraction or len(counts) < 2:
        return np.zeros(len(videos), bool), "nothing"
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(len(counts)), (_CHOICES, 1)), axis=1)
    short = np.abs(np.cumsum(counts[orders], axis=1)[:, :-1] - fraction * len(videos))
    best, last = np.unravel_index(short.argmin(), short.shape)
    chosen = orders[best, : last + 1]
    listed = f"whole videos: {some(names[np.sort(chosen)].tolist())}" if by_video else "images of the one video"
    return np.isin(group, chosen), listed
