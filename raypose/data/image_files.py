"""Image files as people name them: files, and folders with all that lies in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from raypose.errors import Problem, RayPoseError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ImageFile:
    """`name` is its path below the folder that all of them lie in, with `/`: no two have the same one."""

    path: Path
    name: str


def find_images(given: Iterable[Path], leave_out: Path | None = None) -> list[ImageFile]:
    """The image files among files, which are taken whatever their names are, and folders, which are searched with all
    folders in them, hidden ones excepted, and `leave_out`. Each comes once; those of a folder are in order.

    Raises:
        RayPoseError: what is not there, and folders without images.

    Example:
        >>> [each.name for each in find_images([Path("clips")])]
        ['monday/0001.jpg', 'tuesday/0001.jpg']
    """
    given = list(given)
    problems = [problem for each in given if (problem := _problem(each, leave_out)) is not None]
    if problems:
        raise RayPoseError(problems)
    roots = [os.path.abspath(each if each.is_dir() else each.parent) for each in given]
    root = os.path.commonpath(roots) if roots else ""
    found = (path for each in given for path in (_inside(each, leave_out) if each.is_dir() else [each]))
    once = {os.path.abspath(path): path for path in found}
    return [ImageFile(path, Path(os.path.relpath(full, root)).as_posix()) for full, path in once.items()]


def _problem(given: Path, leave_out: Path | None) -> Problem | None:
    if not given.exists():
        return Problem("no such image or folder", str(given), rule="missing-file")
    if given.is_dir() and next(_inside(given, leave_out), None) is None:
        hint = f"looked for *{', *'.join(SUFFIXES)} in all of its folders"
        return Problem("no image in this folder", str(given), hint=hint, rule="no-images")
    return None


def _inside(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    out = leave_out and os.path.abspath(leave_out)
    for here, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(each for each in folders if each[0] != "." and os.path.abspath(f"{here}/{each}") != out)
        names = sorted(each for each in files if each[0] != "." and Path(each).suffix.lower() in SUFFIXES)
        yield from (Path(here, each) for each in names)
