"""The command that goes on with a search that has ended early."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEFAULT_EXPERIMENTS = Path("experiments")


def command_line(space_file: Path, options: Mapping[str, Any], overrides: Sequence[str], change: str = "") -> str:
    """`raypose tune FILE --resume` with the options that were given, and `change`, which stands for what it changes.

    Example:
        >>> command_line(Path("a.yaml"), {"num-trials": 9}, ["tune.patience=5"], "--set tune.patience=10")
        'raypose tune a.yaml --resume --num-trials 9 --set tune.patience=10'
    """
    given = {name: value for name, value in options.items() if value not in (None, DEFAULT_EXPERIMENTS)}
    kept = [each for each in overrides if f"--set {each.partition('=')[0]}=" not in change]
    words = ["raypose", "tune", str(space_file), "--resume"]
    words += [word for name, value in given.items() for word in (f"--{name}", str(value))]
    words += [word for each in kept for word in ("--set", each)]
    return f"{shlex.join(words)} {change}".rstrip()
