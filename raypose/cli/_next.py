"""The commands that people may type next, at the end of what a command prints."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path


def quoted(path: Path | str) -> str:
    """A path as a shell takes it.

    Example:
        >>> quoted("my mice/best")
        "'my mice/best'"
    """
    return shlex.quote(str(path))


def listed(commands: Mapping[str, str]) -> list[str]:
    """`next:` and a line for each command, what it is for behind it, or where a line would be too wide, above it.

    Example:
        >>> listed({"raypose show mice": "all trials", "raypose report mice": "one page"})
        ['next:', '  raypose show mice    # all trials', '  raypose report mice  # one page']
    """
    width = max(map(len, commands), default=0)
    lines = [f"  {command:{width}}  # {what}" for command, what in commands.items()]
    if max(map(len, lines), default=0) > shutil.get_terminal_size().columns:
        lines = [line for command, what in commands.items() for line in (f"  # {what}", f"  {command}")]
    return ["next:", *lines]
