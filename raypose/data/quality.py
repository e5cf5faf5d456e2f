"""Whether a table's images can be read: all of them are, before anything is made of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from raypose.data.bad_samples import OnBadSample
from raypose.data.pixels import decode
from raypose.data.table import KeypointTable
from raypose.errors import Problem, RayPoseError

logger = logging.getLogger("raypose")
_SHOWN = 100  # bad images that an error names


def check_images(
    table: KeypointTable, threads: int = 1, progress: Callable[[int, int], None] | None = None
) -> dict[int, Problem]:
    """What is wrong with each image, by its index, of those that cannot be decoded or are not of the size that the
    annotation file says. Images without instances, as where a detector found nothing, are not looked at. `progress` is told
    how many are done, and how many there are.

    Example:
        >>> check_images(table, threads=4)
        {7: Problem(message='cannot decode the image (the file is empty)', file='frames/007.jpg', ...)}
    """
    found = {}
    needed = np.isin(np.arange(len(table.paths)), table.image_index)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="raypose-check")
    try:
        looks = pool.map(lambda image: problem_of(table, image) if needed[image] else None, range(len(needed)))
        for image, problem in enumerate(looks):
            if problem is not None:
                found[image] = problem
            if progress is not None:
                progress(image + 1, len(table.paths))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for the other images
    return found


def problem_of(table: KeypointTable, image: int) -> Problem | None:
    """What is wrong with an image of a table, if something is."""
    try:
        decode(table.paths[image], size_of(table, image))
    except RayPoseError as error:
        return error.problems[0]
    return None


def size_of(table: KeypointTable, image: int) -> tuple[int, int] | None:
    """The width and height that the annotation file says, if it says so."""
    return None if table.sizes is None else (int(table.sizes[image, 0]), int(table.sizes[image, 1]))


def without_bad(
    table: KeypointTable, problems: Mapping[int, Problem], on_bad_sample: OnBadSample = "error"
) -> KeypointTable:
    """The table without the images that `problems` are of, by their index; a warning says how many it is without.

    Raises:
        RayPoseError: with `error`, or if nothing is left, all problems.

    Example:
        >>> table = without_bad(table, check_images(table), "skip")
    """
    if not problems:
        return table
    good = np.ones(len(table.paths), bool)
    good[list(problems)] = False
    left = table.subset(images=good) if good[table.image_index].any() else None
    if on_bad_sample == "error" or left is None:
        nothing = Problem(f"nothing is left of {len(good)} images", rule="empty-dataset")
        raise RayPoseError([*([] if on_bad_sample == "error" else [nothing]), *named(table, problems)])
    instances, images = len(table) - len(left), len(problems)
    counts = f"{instances} of {len(table)} annotations and {images} of {len(good)} images"
    why = ", ".join(f"{rule} {count}" for rule, count in Counter(each.rule for each in problems.values()).items())
    first = next(iter(problems.values()))
    message = f"going on without {counts} (on_bad_sample: skip): {why}; the first: {first}"
    logger.warning("%s", Problem(message, rule="bad-samples", level="warning"))
    return left


def named(table: KeypointTable, problems: Mapping[int, Problem]) -> list[Problem]:
    """The problems with their images' ids; of very many the first."""
    found = [
        replace(problem, message=f"image {table.image_ids[image]}: {problem.message}")
        for image, problem in sorted(problems.items())[:_SHOWN]
    ]
    if len(problems) > len(found):
        found.append(Problem(f"and {len(problems) - len(found)} more of {len(table.paths)} images", rule="image-file"))
    return found
