"""What every command that reads a space takes: the file, and `--set`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

space_file = click.argument("space_file", metavar="SPACE", type=click.Path(path_type=Path))
overrides = click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE",
    help="Replace or add a value, as if the file had it: --set training.epochs=3. May be repeated.",
)  # fmt: skip


def status(text: str, quiet: bool = False) -> AbstractContextManager:
    """Shows that something takes its time, on a terminal."""
    if quiet or not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)
