"""Files written whole or not at all, and read as if they were not there if they are damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write `text` so that `path` holds all of it or what it held before."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """The mapping that a JSON file holds; an empty one where there is no file, or a damaged one."""
    try:
        known = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, default=str) + "\n")


def cache_folder() -> Path:
    """Where this machine keeps what can be made again: `$RAYPOSE_CACHE`, else `raypose` in `$XDG_CACHE_HOME` or in
    `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("RAYPOSE_CACHE") or Path(home) / "raypose").expanduser()
