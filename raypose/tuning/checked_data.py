"""All that is wrong with the datasets that a space names: their annotations, and the pixels of all their images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from raypose.config import Data
from raypose.data import KeypointTable
from raypose.data.build import build_table
from raypose.data.quality import check_images, named
from raypose.errors import Problem, RayPoseError
from raypose.space import Space
from raypose.space.tree import compact
from raypose.tuning.crops_of_space import data_sections

logger = logging.getLogger("raypose")


@dataclass(frozen=True)
class Checked:
    """What was found in how many images of how many datasets."""

    problems: list[Problem]
    datasets: int
    images: int


def check_data(space: Space, threads: int, progress: Callable[[int, int], None] | None = None) -> Checked:
    """Read the annotations of every dataset that a space can sample, and decode all of their images.

    Where `data.on_bad_sample` is `skip`, what would be left out is a warning. `progress` is told how many images of a
    dataset are done, and how many there are.

    Example:
        >>> for problem in check_data(Space.load("search.yaml"), threads=4).problems:
        ...     print(problem)
    """
    problems: list[Problem] = []
    images, datasets = 0, _datasets(space)
    for cfg, data in datasets:
        table, found = _read(cfg)
        fatal = table is None
        if table is not None:
            found += named(table, check_images(table, threads, progress))
            images += len(table.paths)
        if data.on_bad_sample == "skip" and not fatal:
            found = [replace(each, level="warning") for each in found]
        problems += found
    return Checked(list(dict.fromkeys(problems)), len(datasets), images)


def _datasets(space: Space) -> list[tuple[dict[str, Any], Data]]:
    """Each dataset component once, with a `data` section that has it."""
    found: dict[str, tuple[dict[str, Any], Data]] = {}
    for part in ("train", "val", "test"):
        for data in data_sections(space, [(part,)]):
            cfg = getattr(data, part)
            if cfg is not None and "type" in cfg:
                found.setdefault(compact(cfg), (cfg, data))
    return list(found.values())


def _read(cfg: dict[str, Any]) -> tuple[KeypointTable | None, list[Problem]]:
    """The usable part of a dataset, if there is one, and what is wrong with the rest."""
    try:
        return build_table(cfg, on_bad_sample="error"), []
    except RayPoseError as error:
        problems = error.problems
    try:
        with _silence():
            return build_table(cfg, on_bad_sample="skip"), problems
    except RayPoseError:
        return None, problems


@contextmanager
def _silence() -> Iterator[None]:
    """Of what is left out, which is told otherwise."""
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
