"""The text of a space file."""

from __future__ import annotations

from pathlib import Path

from raypose.errors import Problem, RayPoseError


def read_text(path: Path, shown: str) -> str:
    """The text of the file at `path`, which messages call `shown`.

    Raises:
        RayPoseError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise RayPoseError(f"no such file: {shown}", rule="missing-file") from None
    except IsADirectoryError:
        raise RayPoseError(f"{shown} is a folder, not a YAML file", rule="missing-file") from None
    except OSError as error:
        raise RayPoseError(f"cannot read {shown}: {error.strerror}", rule="missing-file") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise RayPoseError(Problem("the file is not UTF-8 text", shown, line, rule="not-utf8")) from None
