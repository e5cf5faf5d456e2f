"""The live table of a search, as `raypose tune` and `raypose watch` show it, and the lines in its place where there is no
terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from raypose.reporting.leaderboard import STYLES, describe, of_runs
from raypose.reporting.records import Record
from raypose.reporting.roles import FINAL, TRIAL
from raypose.reporting.snapshot import Snapshot
from raypose.reporting.words import counted

BEST = 5  # finished trials that are shown, where a terminal has the usual 24 lines
GAP = 2
CTRL_C = "^C"  # a terminal shows it at the end of the last line, which must not become two
WIDEST = 9  # characters of a column but the last
LAST = "configuration"
INTERRUPTED = "stopped"
NARROWEST = 12  # characters of that; it is made room by these, in this order, then by others
FIRST_TO_GO = ("GPU", "samples/s", "best")
LEFT = ("state", LAST)
UNITS = ((2**30, "G"), (2**20, "M"), (2**10, "K"))

Row = Mapping[str, str]


def board(snapshot: Snapshot, console: Console) -> Constrain:
    """What fits the console: how far the search is, the trials that run, the best ones that have ended.

    Example:
        >>> console.print(board(snapshot, console))
    """
    head = [Text(snapshot.summary, "bold"), Text(", ".join(filter(None, [snapshot.times, _speed(snapshot)])))]
    failure, finished, running = _failure(snapshot), _best(snapshot, console), snapshot.running
    width = console.width - len(CTRL_C)
    above = sum(len(text.wrap(console, width)) for text in head if text)
    room = max(console.height - above - len(failure) - len(finished) - 4, 2)  # two empty lines, headings, the cursor
    shown = running if len(running) <= room else running[: room - 1]
    more = [Text(f"... and {len(running) - len(shown)} more", "dim")] if len(shown) < len(running) else []
    rows = [*(_running(each, snapshot) for each in shown), *(_finished(each, snapshot) for each in finished)]
    widths = _widths(rows, width)
    now, ended = rows[: len(shown)], rows[len(shown) :]
    parts: list[RenderableType] = ["", _table(now, widths), *more] if now else []
    parts += ["", _table(ended, widths, header=not now)] if ended else []
    return Constrain(Group(*filter(None, head), *parts, *failure), width)


def line(each: Record, snapshot: Snapshot) -> str:
    """How a trial ended, and how far the search is.

    Example:
        >>> line(snapshot.records[0], snapshot)
        'trial 7 COMPLETE AP 0.612 after 20 epochs | ResNet, lr 0.0012 | 12/40 trials, best AP 0.612 (trial 7), 4:10 elapsed'
    """
    values = ", ".join(f"{goal.metric} {_number(each.values.get(goal.metric))}" for goal in snapshot.goals)
    why = f" ({each.why})" if each.why else ""
    why += f" (breaks {', '.join(each.breaks)})" if each.breaks else ""
    again = f" ({_again(each)})" if each.role != TRIAL else ""
    what = f"trial {each.number}{again} {each.state} {values} after {counted(each.epochs, 'epoch')}{why}"
    return " | ".join([what, describe(each.params), ", ".join(filter(None, [snapshot.summary, snapshot.times]))])


def _best(snapshot: Snapshot, console: Console) -> list[Record]:
    return snapshot.finished[: max(min(BEST, console.height // 4 - 1), 1)]


def _running(each: Record, snapshot: Snapshot) -> Row:
    last, length = snapshot.latest.get(each.number, {}), snapshot.lengths.get(each.number)
    names = [goal.metric for goal in snapshot.goals]
    speed = last.get("samples_per_second") if snapshot.is_running else None
    state = each.state if snapshot.is_running else INTERRUPTED
    return {
        **_trial(each, f"{each.epochs}/{length}" if length else str(each.epochs), state),
        **{name: _cell(last.get(name)) for name in names},
        "best": _cell(each.value) if len(names) == 1 else "",
        "samples/s": "" if speed is None else f"{speed:,.0f}",
        "GPU": _bytes(last.get("gpu_memory")),
        LAST: _what(each),
    }


def _finished(each: Record, snapshot: Snapshot) -> Row:
    several = len(snapshot.goals) > 1
    values = {goal.metric: _cell(each.values.get(goal.metric)) if several else "" for goal in snapshot.goals}
    best = "" if several else _cell(each.value)
    return {
        **_trial(each, str(each.epochs), each.state),
        **values,
        "best": best,
        "samples/s": "",
        "GPU": "",
        LAST: _what(each),
    }


def _trial(each: Record, epoch: str, state: str) -> Row:
    return {"trial": str(each.number), "state": state, "epoch": epoch}


def _what(each: Record) -> str:
    again = f"{_again(each)}: " if each.role != TRIAL else ""
    runs = f"mean {of_runs(each)}: " if each.repeats else ""
    broken = f"breaks {', '.join(each.breaks)}: " if each.breaks else ""
    return " ".join(f"{again}{broken}{runs}{describe(each.params)}".split())


def _again(each: Record) -> str:
    return f"{'final training' if each.role == FINAL else each.role} of trial {each.of}"


def _widths(rows: list[Row], width: int) -> dict[str, int]:
    """Of each column that says something; the last one gets the rest."""
    found = {}
    for name in rows[0] if rows else ():
        cells = [row[name] for row in rows]
        if any(cells) and name != LAST:
            found[name] = min(max(map(cell_len, [name, *cells])), WIDEST)
    for name in (*FIRST_TO_GO, *reversed([*found][1:])):
        if width - _taken(found) < NARROWEST:
            found.pop(name, None)
    return {**found, LAST: max(width - _taken(found), 1)}


def _taken(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP * len(widths)


def _table(rows: list[Row], widths: Mapping[str, int], header: bool = True) -> Table:
    """Those that run, or those that have ended: a line fits in between."""
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=header, header_style="bold")
    for name, width in widths.items():
        table.add_column(
            Text(name),
            width=width,
            justify="left" if name in LEFT else "right",
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(row[name], STYLES.get(row[name], "") if name == "state" else "") for name in widths))
    return table


def _failure(snapshot: Snapshot) -> list[Text]:
    """The last one, in a line."""
    failed = [each for each in snapshot.done if each.state == "FAIL" and each.why]
    last = max(failed, key=lambda each: each.number, default=None)
    told = f"trial {last.number} failed: {last.why}" if last else ""
    return [Text(""), Text(told, "red", no_wrap=True, overflow="ellipsis")] if told else []


def _speed(snapshot: Snapshot) -> str:
    """Of all that run, together."""
    latest = [snapshot.latest.get(each.number, {}) for each in snapshot.running if snapshot.is_running]
    found = [row["samples_per_second"] for row in latest if row.get("samples_per_second")]
    return f"{sum(found):,.0f} samples/s" if found else ""


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:#.4g}"  # with its zeros, so that points stand below each other


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _bytes(count: float | None) -> str:
    if not count:
        return ""
    size, unit = next((each for each in UNITS if count >= each[0]), (1, "B"))
    return f"{count / size:#.3g}{unit}"
