"""A space that is read, its plugins loaded, and checked against everything that is registered."""

from __future__ import annotations

from pathlib import Path

from raypose.check import check
from raypose.errors import RayPoseError
from raypose.plugins import load_plugins
from raypose.space import Space, defaults
from raypose.tuning.factory import sampler_class, scheduler_class


def load_checked(file: str | Path) -> Space:
    """The space in `file`, once nothing is wrong with it.

    Raises:
        RayPoseError: all that is wrong with it.
    """
    space = Space.load(file)
    check_space(space)
    return space


def check_space(space: Space) -> None:
    """Load the space's plugins and check it.

    Raises:
        RayPoseError: all that is wrong with it.
    """
    plugins = space.sample(defaults).get("plugins")
    if isinstance(plugins, list) and all(isinstance(each, str) for each in plugins):
        load_plugins(plugins)
    if problems := check(space, samplers=sampler_class, schedulers=scheduler_class):
        raise RayPoseError(problems)
