"""Entry points: what installed packages run so that their components are registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import metadata

from raypose.errors import Problem, RayPoseError

# What has not been read yet, and of what has been read, what has not been loaded yet.
_groups = ["raypose.components"]
_left: list[metadata.EntryPoint] = []


def load(before: Callable[[], None]) -> None:
    """Load the entry points, each once in a process; `before` is called first if there are any.

    Raises:
        RayPoseError: one of them raised; the next call goes on with those after it.

    Example:
        >>> load(before=lambda: None)
    """
    while _groups:
        _left.extend(metadata.entry_points(group=_groups.pop()))
    if _left:
        before()
    while _left:
        _load(_left.pop(0))


def _load(entry: metadata.EntryPoint) -> None:
    """A module, or a callable without arguments, which is called."""
    try:
        loaded = entry.load()
        if callable(loaded):
            loaded()
    except (Exception, SystemExit) as error:
        problems = error.problems if isinstance(error, RayPoseError) else [Problem(f"{type(error).__name__}: {error}")]
        where = f"entry point '{entry.name}' of {entry.dist.name if entry.dist else '?'}"
        raise RayPoseError(
            replace(each, message=f"{where}: {each.message}", rule=each.rule or "plugin") for each in problems
        ) from error
