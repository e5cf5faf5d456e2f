"""What the report says beside its figures: the headline, the environment, the commands."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from raypose.reporting.advice import go_on
from raypose.reporting.effort import about, span
from raypose.reporting.records import Record
from raypose.reporting.report.theme import STATES, WORDS
from raypose.reporting.report.view import View
from raypose.reporting.words import counted, number


def values(view: View) -> list[tuple[str, str]]:
    """(metric, value) of the best trial."""
    known = view.best.values if view.best else {}
    return [(goal.metric, number(known[goal.metric])) for goal in view.goals if goal.metric in known]


def states(records: Iterable[Record]) -> list[tuple[str, str, int]]:
    """(state, in words, how many trials)."""
    count = Counter(each.state for each in records)
    return [(state, WORDS[state], count[state]) for state in STATES if count[state]]


def extent(view: View) -> str:
    """`18 trials, 112 epochs, 3 min 20 s`."""
    epochs, seconds = sum(each.epochs for each in view.own), span(view.experiment)
    parts = [counted(len(view.own), "trial"), counted(epochs, "epoch"), *([about(seconds)] if seconds else [])]
    return ", ".join(parts)


def environment(view: View) -> list[tuple[str, str]]:
    """(what, version), the same of all trials."""
    return [(name, value) for name, value in view.experiment.sameness.same.items()]


def differences(view: View) -> list[str]:
    """What was not the same in all trials."""
    lines = view.experiment.sameness.lines()
    return lines if not view.experiment.sameness.same else lines[1:]


def configuration(view: View) -> str:
    """The best trial's, as its file has it."""
    folders = [view.experiment.folder / "best"]
    folders += [view.experiment.trial_folder(view.best.number)] if view.best else []
    files = [folder / "config.yaml" for folder in folders]
    return next((_read(file) for file in files if file.is_file()), "")


def space(view: View) -> str:
    """The space that was searched, as its file has it."""
    file = view.experiment.folder / "space.yaml"
    return _read(file) if file.is_file() else ""


def commands(view: View) -> list[tuple[str, str]]:
    """(command, what it does), those that there is something for."""
    folder = view.experiment.folder
    best, final = (shlex.quote(str(folder / name)) for name in ("best", "final"))
    more = go_on(view.experiment)
    found = [(more, "goes on from here with as many trials again", bool(more))]
    model = (folder / "best" / "weights.pt").exists()
    found += [
        (f"raypose train {best}", "trains the best configuration again, with the same seed", model),
        (f"raypose evaluate {best}", "gives all metrics of the best model", model),
        (f"raypose predict {best} IMAGE", "draws what it finds in an image of yours", model),
        (f"raypose export {best} --to model.onnx", "writes it as ONNX", model),
        (f"raypose evaluate {final}", "the same of the final training", (folder / "final" / "weights.pt").exists()),
    ]
    return [(command, what) for command, what, there in found if there]


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").rstrip()
