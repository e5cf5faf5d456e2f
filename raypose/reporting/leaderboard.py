"""The leaderboard of an experiment as a rich table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from raypose.reporting.records import Record

STYLES = {"COMPLETE": "green", "PRUNED": "yellow", "FAIL": "red", "RUNNING": "cyan"}


def describe(params: Mapping[str, Any]) -> str:
    """What a trial is, in a few words: its labels, and its numbers by the last part of their names.

    Example:
        >>> describe({"model.backbone": "ResNet", "optimizer.AdamW.lr": 0.00123})
        'ResNet, lr 0.0012'
    """
    parts = []
    for name, value in params.items():
        short = name.rsplit(".", 1)[-1]
        value = f"{value:.2g}" if isinstance(value, float) else str(value).replace('"', "")
        named = value[:1].isalpha()
        parts.append(value if named else f"{short} {value}")
    return ", ".join(parts)


def leaderboard(records: Iterable[Record], metric: str, title: str | None = None) -> Table:
    """Rank, trial, state, value, epochs, time, and what the trial was (or why it failed)."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in ("#", "trial"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for heading in (metric, "epochs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("configuration", overflow="fold")
    for rank, each in enumerate(records, 1):
        what = f"{each.reason}: {each.detail.splitlines()[-1]}" if each.detail else describe(each.params)
        state = f"[{STYLES[each.state]}]{each.state}[/]"
        value = "" if each.value is None else f"{each.value:.4g}"
        table.add_row(str(rank), str(each.number), state, value, str(each.epochs), duration(each.seconds), escape(what))
    return table


def duration(seconds: float | None) -> str:
    """`75` -> `1:15`."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
