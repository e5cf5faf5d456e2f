"""What a plugin raises, told with the place in the user's own file."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from raypose.errors import Problem, RayPoseError
from raypose.plugins.source import is_installed

PACKAGE = str(Path(__file__).parents[1])


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Raises RayPoseError, with the user's own file and line, for whatever is raised while plugin `name` is loaded."""
    try:
        yield
    except SyntaxError as error:
        raise RayPoseError(
            Problem(f"plugin: {error.msg}", error.filename, error.lineno, error.offset, rule="plugin")
        ) from error
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            hint = "install it, or give a path that ends in .py"
            raise RayPoseError(f"plugin: there is no module '{name}'", hint=hint, rule="missing-file") from None
        file, line = _place(error)
        problems = error.problems if isinstance(error, RayPoseError) else [Problem(f"{type(error).__name__}: {error}")]
        raise RayPoseError(
            Problem(f"plugin: {each.message}", file, line, hint=each.hint, rule=each.rule or "plugin")
            for each in problems
        ) from error


def _place(error: Exception) -> tuple[str | None, int | None]:
    """The innermost line of the traceback that is not ours, if possible of no installed code either."""
    frames: list[tuple[str | None, int | None]] = [
        (frame.filename, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<", PACKAGE)) and frame.filename != contextlib.__file__
    ]
    own = [(file, line) for file, line in frames if file is not None and not is_installed(file)]
    return (own or frames or [(None, None)])[-1]
