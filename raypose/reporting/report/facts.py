"""What the report says beside its figures: the headline, the environment, the commands."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

from raypose.reporting.report.theme import STATES, WORDS
from raypose.reporting.report.view import View
from raypose.reporting.report.words import number
from raypose.reporting.words import counted, spoken


def values(view: View) -> list[tuple[str, str]]:
    """(metric, value) of the best trial."""
    known = view.best.values if view.best else {}
    return [(goal.metric, number(known[goal.metric])) for goal in view.goals if goal.metric in known]


def states(view: View) -> list[tuple[str, str, int]]:
    """(state, in words, how many trials of the search)."""
    count = Counter(each.state for each in view.own)
    return [(state, WORDS[state], count[state]) for state in STATES if count[state]]


def extent(view: View) -> str:
    """`18 trials, 112 epochs, 3 min 20 s`."""
    epochs = sum(each.epochs for each in view.own)
    known = [each for each in view.frozen.values() if each.datetime_start]
    ends = [each.datetime_complete or each.datetime_start for each in known]
    seconds = (max(ends) - min(each.datetime_start for each in known)).total_seconds() if known else 0
    coarse = round(seconds, -1 if seconds > 600 else 0)
    coarse = coarse - coarse % 60 if coarse > 3600 else coarse
    return f"{counted(len(view.own), 'trial')}, {counted(epochs, 'epoch')}, {spoken(coarse)}"


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
    space, best, final = (shlex.quote(str(folder / name)) for name in ("space.yaml", "best", "final"))
    found = [(f"raypose tune {space}", "searches the same space again", (folder / "space.yaml").exists())]
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
