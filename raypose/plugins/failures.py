"""What is raised in users' own code, told with the place in their own file."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from raypose.errors import Problem, RayPoseError
from raypose.plugins.source import is_installed

AT_LOADING = ("plugin", "duplicate-name")  # rules that code breaks while it is imported, installed code too
PACKAGE = str(Path(__file__).parents[1]) + os.sep


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Raises RayPoseError, with the user's own file and line, for whatever is raised while plugin `name` is loaded."""
    try:
        yield
    except SyntaxError as error:
        raise RayPoseError(
            Problem(f"plugin: {error.msg}", error.filename or name, error.lineno, error.offset, rule="plugin")
        ) from error
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            hint = "install it, or give a path that ends in .py"
            raise RayPoseError(f"plugin: there is no module '{name}'", hint=hint, rule="missing-file") from None
        file, line = _place(error)
        problems = error.problems if isinstance(error, RayPoseError) else [Problem(f"{type(error).__name__}: {error}")]
        raise RayPoseError(
            Problem(f"plugin: {each.message}", file, line, hint=each.hint, rule=each.rule or "plugin")
            for each in problems
        ) from error


def located(error: BaseException) -> list[Problem]:
    """What an error says, with the innermost line of the user's own code that raised it, if there is one.

    Example:
        >>> print(located(error)[0])
        my_modules.py:14: ValueError: width must be even
    """
    if isinstance(error, RayPoseError):
        return [each if each.file else _with_place(each, error) for each in error.problems]
    said = str(error).strip().splitlines() or [""]
    return [_with_place(Problem(f"{type(error).__name__}: {said[0]}"), error)]


def own_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost line of the user's own code in an error's traceback; that of its first cause, if it has causes."""
    found = own_frame(error.__cause__) if error.__cause__ else None
    if found is None and isinstance(error, SyntaxError) and error.filename:
        return traceback.FrameSummary(error.filename, error.lineno, "<module>", line=error.text)
    return found or next((frame for frame in reversed(_frames(error)) if not is_installed(frame.filename)), None)


def _with_place(problem: Problem, error: BaseException) -> Problem:
    file, line = _place(error) if problem.rule in AT_LOADING else _of(own_frame(error))
    return replace(problem, file=file, line=line)


def _place(error: BaseException) -> tuple[str | None, int | None]:
    """The innermost line of the traceback that is not ours, if possible of no installed code either."""
    return _of(own_frame(error) or next(reversed(_frames(error.__cause__ or error)), None))


def _of(frame: traceback.FrameSummary | None) -> tuple[str | None, int | None]:
    return (frame.filename, frame.lineno) if frame else (None, None)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<", PACKAGE)) and frame.filename != contextlib.__file__
    ]
