"""Copies of plugins, so that an experiment runs with the text that it began with, on every node."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from raypose.plugins.source import digest, is_installed, read


def keep_plugins(names: Iterable[str], folder: Path) -> list[str]:
    """Copy plugins to `folder/<hash>/<name>.py` and return what `load_plugins` takes instead: the copies' full
    paths.

    Copied are files, and top-level modules of one file that are not installed; other names stay as they are.

    Raises:
        RayPoseError: a file is missing.
    """
    kept = []
    for name in names:
        path = Path(name) if name.endswith(".py") else _own_file(name)
        kept.append(name if path is None else str(_copy(path, Path(folder).absolute())))
    return kept


def relative(names: Iterable[str], folder: Path) -> list[str]:
    """What a configuration in `folder` names kept plugins, so that both can be moved together."""
    return [os.path.relpath(name, folder) if name.endswith(".py") else name for name in names]


def with_own_names(text: str, plugins: Mapping[str, str]) -> str:
    """A text with the user's own names in place of those of their copies; `plugins` has both, the copies' first."""
    for kept, own in plugins.items():
        text = text.replace(kept, own)
    return text


def _own_file(name: str) -> Path | None:
    """The one file of a top-level module that is not installed; modules in packages need their siblings."""
    spec = None if "." in name else importlib.util.find_spec(name)
    if spec is None or spec.origin is None or spec.submodule_search_locations is not None:
        return None
    return Path(spec.origin) if spec.origin.endswith(".py") and not is_installed(spec.origin) else None


def _copy(path: Path, folder: Path) -> Path:
    source = read(path)
    target = folder / digest(source) / path.name
    if not target.exists() or target.read_bytes() != source:  # what lies there may be another's
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        scratch.write_bytes(source)
        os.replace(scratch, target)
    return target
