"""The check of a space with the samplers and schedulers that `tune` knows; ray is imported only for one of its own."""

from __future__ import annotations

from pathlib import Path

from raypose import check
from raypose.errors import RayPoseError
from raypose.plugins import load_plugins
from raypose.space import Space
from raypose.tuning.factory import sampler_class, scheduler_class


def load_checked(file: str | Path) -> Space:
    """The space in `file`, its plugins loaded, once nothing is wrong with it.

    Raises:
        RayPoseError: all that is wrong with it.
    """
    return check.load_checked(file, samplers=sampler_class, schedulers=scheduler_class)


def check_space(space: Space) -> None:
    """Load the space's plugins and check it.

    Raises:
        RayPoseError: all that is wrong with it.
    """
    load_plugins(space.default().get("plugins") or [])
    if problems := check.check(space, samplers=sampler_class, schedulers=scheduler_class):
        raise RayPoseError(problems)
