"""From a table to its pixels: a store that is there, one that is built now, or none."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np

from raypose.data.crops import cache, leftovers, room
from raypose.data.crops.build import Progress, build
from raypose.data.crops.needs import Needs
from raypose.data.crops.reading import Reading
from raypose.data.crops.regions import Regions
from raypose.data.crops.store import CropStore
from raypose.data.pixels import IMAGE_ACCESS
from raypose.data.quality import check_images, problem_of, without_bad
from raypose.data.table import KeypointTable
from raypose.errors import Problem
from raypose.files import read_json, write_json

logger = logging.getLogger("raypose")


class Pixels(Protocol):
    """The pixels of a table's rows."""

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [h,w,3], not to be written to, and the matrix [2,3] from pixels of the original image to pixels of it."""
        ...

    def touch(self) -> None:
        """Note that they are in use."""
        ...


@dataclass(frozen=True)
class Rows:
    """Some rows of a store, as the rows of a smaller table."""

    pixels: Pixels
    rows: np.ndarray

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        return self.pixels.read(self.rows[row])

    def touch(self) -> None:
        self.pixels.touch()


def prepare(
    table: KeypointTable,
    needs: Needs,
    *,
    store: bool = True,
    on_bad_sample: Literal["error", "skip"] = "error",
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[KeypointTable, Pixels]:
    """A table and its pixels, for all that `needs` says. What cannot be read is left out of both, or is an error.

    Where a store cannot be written, or would be larger than `$RAYPOSE_CACHE_SIZE`, a warning says so, and images are
    decoded whenever they are needed.

    Raises:
        RayPoseError: images that cannot be read, all of them at once.

    Example:
        >>> table, pixels = prepare(table, Needs(((192, 256),), (1.25, 1.25)))
    """
    kept = _stored(table, needs, threads, progress) if store else None
    if kept is None:
        return _on_the_fly(table, needs, on_bad_sample, threads, progress)
    problems = _problems(kept.about)
    good = without_bad(table, problems, on_bad_sample)
    return (table, kept) if not problems else (good, Rows(kept, np.flatnonzero(kept.index["height"] > 0)))


def _stored(table: KeypointTable, needs: Needs, threads: int, progress: Progress | None) -> CropStore | None:
    regions, folder = Regions.of(table, needs), cache.table_folder(table)
    try:
        if (found := cache.find(folder, regions)) and not _may_have_passed(table, found.about):
            return found
        waiting = partial(progress, 0, len(table.paths)) if progress else lambda: None
        with leftovers.building(folder, waiting):
            while found := cache.find(folder, regions):  # another process was first
                if not _may_have_passed(table, found.about):
                    return found
                leftovers.remove(found.folder)
            size = regions.bytes(table)
            if not room.make_room(size):
                room.warn(size)
                return None
            logger.info("cutting %d crops from %d images into %s", len(table), len(table.paths), folder)
            build(folder / cache.name(needs), table, needs, threads, progress)
            cache.remove_covered(folder, regions, by=cache.name(needs))
            return cache.find(folder, regions)
    except OSError as error:
        logger.warning(
            "crops cannot be kept in %s (%s): images are decoded whenever they are needed, which is slower "
            "(RAYPOSE_CACHE names another folder)",
            *(cache.crops_folder(), error.strerror or error),
        )
        return None


def _on_the_fly(
    table: KeypointTable,
    needs: Needs,
    on_bad_sample: Literal["error", "skip"],
    threads: int,
    progress: Progress | None,
) -> tuple[KeypointTable, Pixels]:
    table = without_bad(table, _checked(table, threads, progress), on_bad_sample)
    return table, Reading(table, Regions.of(table, needs))


def _checked(table: KeypointTable, threads: int, progress: Progress | None) -> dict[int, Problem]:
    """What is wrong with a table's images, which is looked at once a machine."""
    file = cache.table_folder(table) / "images.json"
    with contextlib.suppress(OSError):
        if (known := read_json(file)) and not _may_have_passed(table, known):
            return _problems(known)
    found = check_images(table, threads, progress)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"bad": {image: asdict(problem) for image, problem in found.items()}})
    return found


def _may_have_passed(table: KeypointTable, about: dict[str, Any]) -> bool:
    """Whether an image can be read now that could not be read for a reason that was not its own."""
    denied = [image for image, problem in _problems(about).items() if problem.rule == IMAGE_ACCESS]
    return any(problem_of(table, image) is None for image in denied)


def _problems(about: dict[str, Any]) -> dict[int, Problem]:
    return {int(image): Problem(**problem) for image, problem in about["bad"].items()}
