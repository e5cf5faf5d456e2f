from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from raypose.reporting.followed import Followed
    from raypose.reporting.snapshot import Snapshot

REFRESH = 1.0  # seconds between two looks at the folder


@click.command("watch")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Show how it is now, and end.")
@click.option(
    "--json", "as_json", is_flag=True, help="How it is now as JSON, for scripts; with it, --once goes without saying."
)
def command(experiment: Path, once: bool, as_json: bool) -> None:
    """Watch the search in the experiment folder EXPERIMENT, which another process runs, here or on another machine.

    It shows what `raypose tune` shows, and ends when the search does. Ctrl-C ends the watching alone.
    """
    from rich.console import Console

    from raypose.files import to_json
    from raypose.reporting.board import board
    from raypose.reporting.followed import Followed, is_running

    console, followed = Console(), Followed(experiment)
    if as_json:
        click.echo(to_json(_plain(followed.snapshot(), is_running(experiment))))
        return
    if is_running(experiment) and not once:
        (_live if console.is_terminal else _lines)(followed, console)
    snapshot = followed.snapshot()
    if snapshot is None:
        console.out("no trial has begun yet", highlight=False)
    elif console.is_terminal or once:
        console.print(board(snapshot, console))
    else:
        console.out(_in_all(snapshot), highlight=False)
    if not is_running(experiment):
        console.out(_why_not(snapshot, experiment), highlight=False)


def _plain(snapshot: Snapshot | None, running: bool) -> dict[str, Any]:
    """`trials` are those that have ended; `running` those at it, with the epochs that they have reported."""
    if snapshot is None:
        return {"is_running": running, "trials": 0}
    best = snapshot.best
    return {
        "is_running": running,
        "trials": len(snapshot.done),
        "num_trials": snapshot.total,
        "states": Counter(each.state for each in snapshot.done),
        "best": best and {"trial": best.number, "values": best.values},
        "running": [{"trial": each.number, "epochs": each.epochs} for each in snapshot.running],
        "seconds": round(snapshot.elapsed),
        "seconds_left": snapshot.seconds_left,
    }


def _live(followed: Followed, console: Console) -> None:
    from rich.live import Live

    from raypose.reporting.board import board

    with Live("waiting for the first trial ...", console=console, auto_refresh=False, transient=True) as live:
        for snapshot in _looks(followed):
            live.update(board(snapshot, console), refresh=True)


def _lines(followed: Followed, console: Console) -> None:
    from raypose.reporting.board import line

    told: set[int] | None = None
    for snapshot in _looks(followed):
        ended = snapshot.ended
        if told is None:
            told = {each.number for each in ended}
            console.out(_in_all(snapshot), highlight=False)
        for each in ended:
            if each.number not in told:
                told.add(each.number)
                console.out(line(each, snapshot), highlight=False)


def _looks(followed: Followed) -> Iterator[Snapshot]:
    """Until the search has ended; the last look is after that."""
    from raypose.reporting.followed import is_running

    runs = True
    while runs:
        runs = is_running(followed.folder)
        if (snapshot := followed.snapshot()) is not None:
            yield snapshot
        if runs:
            time.sleep(REFRESH)


def _in_all(snapshot: Snapshot) -> str:
    return ", ".join(filter(None, [snapshot.summary, snapshot.times]))


def _why_not(snapshot: Snapshot | None, experiment: Path) -> str:
    from raypose.cli._next import quoted
    from raypose.reporting.words import counted

    stopped = len(snapshot.running) if snapshot else 0
    told = "the search has ended"
    if stopped:
        go = f"{counted(stopped, 'trial')} {'go' if stopped > 1 else 'goes'} on with `raypose tune --resume`"
        told = f"the search is not running any more: {go}"
    return f"\n{told}\nnext: raypose show {quoted(experiment)}"
