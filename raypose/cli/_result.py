"""What `raypose tune` prints when it is done."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console

from raypose.config import Tune, read
from raypose.reporting.leaderboard import leaderboard
from raypose.space import defaults

SHOWN = 10


def print_result(console: Console, result: Any, space: Any) -> int:
    """The leaderboard and where the best model lies; the exit status: 1 if no trial came to its end."""
    metric = read(Tune, space.sample(defaults).get("tune")).goals[0].metric
    console.print()
    console.print(leaderboard(result.records[:SHOWN], metric, title=f"{result.folder.name}: the best {SHOWN}"))
    states = Counter(record.state for record in result.records)
    console.print("\n" + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    if result.infeasible:
        console.print(str(result.infeasible), highlight=False, markup=False)
    if result.best is None:
        console.print("no trial came to its end; the reasons are in the table and in each trial's log.txt")
        return 1
    best, shown = result.folder / "best", _short(result.folder / "best")
    console.print(f"best {metric} {result.best.value:.4g} (trial {result.best.number})")
    if best.exists():
        for name, value in (json.loads((best / "metrics.json").read_text()).get("test") or {}).items():
            console.print(f"on the test data: {name} {value:.4g}")
        console.print(f"best model: {shown}", markup=False, soft_wrap=True)
        console.print(f"train it again: raypose train {shown}", markup=False, soft_wrap=True)
    console.print(f"curves: tensorboard --logdir {_short(result.folder.parent)}", markup=False, soft_wrap=True)
    return 0


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
