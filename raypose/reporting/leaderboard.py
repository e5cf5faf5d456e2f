"""The leaderboard of an experiment as a rich table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from raypose.reporting.records import Record
from raypose.reporting.roles import TRIAL
from raypose.reporting.words import brief, duration

STYLES = {"COMPLETE": "green", "PRUNED": "yellow", "FAIL": "red", "RUNNING": "cyan"}
WORDLESS = ("true", "false", "null")  # labels that say nothing without their name


def describe(params: Mapping[str, Any]) -> str:
    """What a trial is, in a few words: its labels, and its numbers by the last part of their names.

    Example:
        >>> describe({"model.backbone": "ResNet", "optimizer.AdamW.lr": 0.00123})
        'ResNet, lr 0.00123'
    """
    parts = []
    for name, value in params.items():
        short = name.rsplit(".", 1)[-1]
        value = brief(value) if isinstance(value, float) else str(value).replace('"', "")
        named = value[:1].isalpha() and value not in WORDLESS
        parts.append(value if named else f"{short} {value}")
    return ", ".join(parts)


def leaderboard(records: Iterable[Record], metrics: Sequence[str], title: str | None = None) -> Table:
    """Rank, trial, state, value of each objective, epochs, time, and what the trial was: why it failed, which constraints
    it breaks. Of those that were repeated the mean and the standard deviation over all runs, too; repeats have no rows of
    their own."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in ("#", "trial"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    shown = [each for each in records if each.role == TRIAL]
    mean = ["mean of runs"] if any(each.repeats for each in shown) else []
    for heading in (*map(escape, metrics), *mean, "epochs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("configuration", overflow="fold")
    for rank, each in enumerate(shown, 1):
        what = each.why or describe(each.params)
        state = f"[{STYLES[each.state]}]{each.state}[/]"
        broken = f"[yellow]breaks {escape(', '.join(each.breaks))}[/]: " if each.breaks else ""
        values = ["" if value is None else f"{value:.4g}" for value in _values(each, metrics)]
        rest = *([of_runs(each)] if mean else []), str(each.epochs), duration(each.seconds), broken + escape(what)
        table.add_row(str(rank), str(each.number), state, *values, *rest)
    return table


def _values(each: Record, metrics: Sequence[str]) -> list[float | None]:
    return [each.value, *(each.values.get(metric) for metric in metrics[1:])]


def of_runs(each: Record) -> str:
    """`0.81 ± 0.012 (4)`: mean, standard deviation and number of the runs of a trial that was repeated, else nothing.

    Example:
        >>> of_runs(Record(7, "COMPLETE", 0.8, 20, {}, repeats=[0.7, 0.75]))
        '0.75 ± 0.05 (3)'
    """
    return f"{each.mean:.4g} ± {each.deviation:.2g} ({len(each.repeats) + 1})" if each.repeats else ""
