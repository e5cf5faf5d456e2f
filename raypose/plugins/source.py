"""The text of a plugin, and whose code a file is."""

from __future__ import annotations

import hashlib
import site
import sysconfig
from pathlib import Path

from raypose.errors import Problem, RayPoseError


def read(path: Path) -> bytes:
    """Raises RayPoseError if there is no such file, or no text in it."""
    try:
        source = path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise RayPoseError(f"plugin {path}: {reason}", rule="missing-file") from error
    if b"\0" in source:  # Python's own error has no file
        raise RayPoseError(Problem("plugin: null bytes are no Python", str(path), rule="plugin"))
    return source


def digest(source: bytes) -> str:
    """Twelve hexadecimal digits of the content's SHA-256."""
    return hashlib.sha256(source).hexdigest()[:12]


def is_installed(file: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    folders = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages()}
    return any(Path(file).is_relative_to(folder) for folder in folders)
