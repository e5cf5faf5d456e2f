"""Files written whole or not at all, and read as if they were not there if they are damaged."""

from __future__ import annotations

import errno
import json
import math
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)  # what a write fails by then


def write_text(path: Path, text: str) -> None:
    """Write `text` so that `path` holds all of it or what it held before."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` so that `path` holds all of it or what it held before."""
    # No process id, which on a disk of several machines is no name.
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # what people know
        raise
    finally:
        with suppress(OSError):  # a folder that is none, or whose disk is gone
            scratch.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """The mapping that a JSON file holds; an empty one where there is no file, or a damaged one."""
    try:
        known = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def read_json_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of a file with one a line, up to a line that is not whole (yet), and how many bytes they take; none where
    there is no file."""
    rows, size = [], 0
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if not line.endswith(b"\n"):
            break
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
        size += len(line)
    return rows, size


def last_json_line(path: Path, most: int = 16384) -> dict[str, Any]:
    """The last whole record of a file with one a line, of which only the last `most` bytes are read; an empty one where
    there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - most, 0))
            lines = file.read().split(b"\n")[:-1]
        return json.loads(lines[-1]) if lines else {}
    except (FileNotFoundError, ValueError):
        return {}


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, whole or not at all."""
    write_text(path, to_json(value) + "\n")


def to_json(value: Any, indent: int | None = 1) -> str:
    """`value` as JSON, which has neither NaN nor infinities: they become null.

    Example:
        >>> to_json({"loss": math.nan}, indent=None)
        '{"loss": null}'
    """
    try:
        return json.dumps(value, indent=indent, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cache_folder() -> Path:
    """Where this machine keeps what can be made again: `$RAYPOSE_CACHE`, else `raypose` in `$XDG_CACHE_HOME` or in
    `~/.cache`."""
    if own := os.environ.get("RAYPOSE_CACHE"):  # needs no home, which an account in a container may lack
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "raypose").expanduser()
