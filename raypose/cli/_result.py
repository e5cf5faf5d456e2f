"""What `raypose tune` prints when it is done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console

from raypose.cli._next import listed, quoted
from raypose.config import Tune, read
from raypose.files import read_json
from raypose.reporting.leaderboard import leaderboard, of_runs
from raypose.reporting.outcomes import unmet
from raypose.reporting.pareto import front_table
from raypose.reporting.roles import REPEAT, TRIAL
from raypose.reporting.words import counted
from raypose.space import defaults

SHOWN = 10


def print_result(console: Console, result: Any, space: Any) -> int:
    """The leaderboard and where the best model lies; the exit status: 1 if no trial came to its end."""
    goals = read(Tune, space.sample(defaults).get("tune")).goals
    console.print()
    if result.front:
        console.print(front_table(result.front, goals), "")
    metrics = [goal.metric for goal in goals]
    console.print(leaderboard(result.records[:SHOWN], metrics, title=_title(result)))
    states = Counter(record.state for record in result.records if record.role == TRIAL)
    console.print("\n" + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    if again := Counter(record.state for record in result.records if record.role == REPEAT):
        console.print(f"repeats: {', '.join(f'{count} {state}' for state, count in sorted(again.items()))}")
    if result.infeasible:
        console.out(str(result.infeasible), highlight=False)
    if not result.records and result.asides:  # all that there is was taken over
        told = "; ".join(filter(None, ["no trial was run", result.stopped, *result.asides]))
        console.out(told, highlight=False)
        return 1
    for line in result.asides:
        console.out(line, highlight=False)
    if result.best is None:
        ended = "no trial came to its end; the reasons are in the table and in each trial's log.txt"
        console.out(unmet(result.records) or ended, highlight=False)
        return 1
    best, shown = result.folder / "best", _short(result.folder / "best")
    mean = f", mean of its runs {of_runs(result.best)}" if result.best.repeats else ""
    console.print(f"best {metrics[0]} {result.best.value:.4g} (trial {result.best.number}){mean}")
    if best.exists():
        if tested := _tested(best):
            console.out(f"on the test data: {tested}")
        console.out(f"best model: {shown}")
    if (models := result.folder / "pareto").exists():
        console.out(f"models of the front: {_short(models)}")
    if result.final is not None:
        console.out(_final(result, metrics[0]), highlight=False)
    console.out("\n".join(_next(result.folder)), highlight=False)
    return 0


def _next(folder: Path) -> list[str]:
    """The commands that people want after a search, each with what it is for."""
    experiment, experiments, best = (quoted(_short(each)) for each in (folder, folder.parent, folder / "best"))
    commands = {f"raypose report {experiment}": "all of it on one page"}
    if (folder / "best").exists():
        commands |= {
            f"raypose predict {best} IMAGE ...": "keypoints of images of yours",
            f"raypose export {best}": "the model as ONNX",
            f"raypose train {best}": "the same training again",
        }
    commands[f"tensorboard --logdir {experiments}"] = "curves, images, all dimensions"
    return listed(commands)


def _title(result: Any) -> str:
    count = sum(record.role == TRIAL for record in result.records)
    return f"{result.folder.name}: {f'the best {SHOWN} of ' if count > SHOWN else ''}{counted(count, 'trial')}"


def _final(result: Any, metric: str) -> str:
    """What the final training gave, against the best model; both are kept."""
    final, best = result.final, result.best
    if final.state != "COMPLETE":
        why = f" ({final.why})" if final.why else ""
        return f"final training (trial {final.number}): {final.state}{why}"
    tested = _tested(result.folder / "final")
    told = f"on the test data: {tested}" if tested else "not tested: there is no data.test"
    other = "" if final.of == best.number else f", of trial {final.of}, which is no longer the best"
    against = f" (val; best/ has {best.value:.4g})"
    return f"final model: {_short(result.folder / 'final')}, {metric} {final.value:.4g}{against}{other}, {told}"


def _tested(model: Path) -> str:
    """What a model folder reached on the test data; empty if it was not tested."""
    values = read_json(model / "metrics.json").get("test") or {}
    return ", ".join(f"{name} {'nan' if value is None else f'{value:.4g}'}" for name, value in values.items())


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
