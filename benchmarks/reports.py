"""How long what reads an experiment takes, imports included: `python benchmarks/reports.py`, or some of its figures:
`python benchmarks/reports.py --only show`.

The experiments are made up, with everything that a search of that size leaves behind: a journal in Optuna's own format, line
by line as a search writes it, and each trial's meta.json and metrics.jsonl. Each command runs in a process of its own; the
median of five.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages.journal import BaseJournalBackend, JournalStorage
from optuna.trial import TrialState

from raypose import journal

# The console script that people type, where it lies beside this Python; else the same without it.
SCRIPT = Path(sys.executable).with_name("raypose")
RAYPOSE = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "raypose"]

BACKBONES = ("ResNet", "HRNet", "MobileNetV3", "HourglassNet")
COMMON: dict[str, BaseDistribution] = {
    "data.input_size": CategoricalDistribution(["[128,128]", "[192,192]", "[192,256]"]),
    "data.augment.rotation": FloatDistribution(0, 45),
    "data.augment.scale": FloatDistribution(0, 0.5),
    "model.backbone": CategoricalDistribution(BACKBONES),
    "model.keypoint_head.codec.sigma": FloatDistribution(1, 3),
    "model.keypoint_head.loss_keypoint": CategoricalDistribution(["JointsMSELoss", "AdaptiveWingLoss"]),
    "optimizer": CategoricalDistribution(["AdamW", "SGD"]),
    "training.batch_size": CategoricalDistribution(["16", "32", "64"]),
    "training.ema": FloatDistribution(0.9, 0.999),
}
OF_BACKBONE: dict[str, BaseDistribution] = {
    "depth": CategoricalDistribution(["18", "50"]),
    "num_stacks": IntDistribution(1, 4),
}
LR = FloatDistribution(1e-4, 1e-1, log=True)


class Lines(BaseJournalBackend):
    """A journal in memory, for Optuna to write into."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.lines += [json.dumps(log, separators=(",", ":")) + "\n" for log in logs]

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        return map(json.loads, self.lines[log_number_from:])


def experiment(folder: Path, trials: int, epochs: int = 20) -> Path:
    """An experiment whose trials have about a dozen dimensions; of six, four were stopped early and one failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    lines, rng = Lines(), np.random.default_rng(0)
    storage = JournalStorage(lines)
    study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], journal.STUDY_NAME)
    storage.set_study_system_attr(study, "study:metric_names", ["AP"])
    for number in range(trials):
        trial, params = storage.create_new_trial(study), {}
        for name, distribution in _dimensions(rng):
            params[name] = _drawn(distribution, rng)
            internal = distribution.to_internal_repr(params[name])
            storage.set_trial_param(trial, name, internal, distribution)
        storage.set_trial_user_attr(trial, "configuration", f"{rng.integers(2**62):032x}")
        top, last = rng.uniform(0.3, 0.8), (epochs, 3, 3, 7, 9, epochs - 1)[number % 6]
        curve = [top * (1 - math.exp(-epoch / 6)) + rng.normal(0, 0.005) for epoch in range(1, last + 1)]
        for epoch, value in enumerate(curve, 1):
            storage.set_trial_intermediate_value(trial, epoch, value)
        state = (TrialState.COMPLETE, *[TrialState.PRUNED] * 4, TrialState.FAIL)[number % 6]
        if state == TrialState.FAIL:
            storage.set_trial_user_attr(trial, "reason", "raised")
            storage.set_trial_user_attr(trial, "detail", "Traceback\nFloatingPointError: the training loss became nan")
        values = [max(curve)] if state == TrialState.COMPLETE else None
        storage.set_trial_state_values(trial, state, values)
        _keep_trial(folder / "trials" / f"{number:04d}", number, state.name, params, curve)
    (folder / journal.FILE_NAME).write_text("".join(lines.lines))
    return folder


def _dimensions(rng: np.random.Generator) -> Iterator[tuple[str, BaseDistribution]]:
    yield from COMMON.items()
    backbone = f"model.backbone.{BACKBONES[rng.integers(len(BACKBONES))]}"
    yield from ((f"{backbone}.{name}", each) for name, each in OF_BACKBONE.items())
    yield "optimizer.AdamW.lr" if rng.integers(2) else "optimizer.SGD.lr", LR


def _drawn(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    return int(rng.integers(low, high + 1)) if isinstance(distribution, IntDistribution) else rng.uniform(low, high)


def _keep_trial(folder: Path, number: int, state: str, params: dict[str, Any], curve: list[float]) -> None:
    folder.mkdir(parents=True)
    versions = {"raypose": "0.1.0", "torch": "2.14.1", "ray": "2.60.0", "optuna": "5.0.0", "numpy": "2.4.6"}
    built = {"model": f"{number:016x}", "optimizer": f"{number:016x}", "parameters": 23_520_000, "groups": []}
    meta = {"number": number, "seed": number, "git": "0" * 40, "git_changed": False, "host": "node", "python": "3.11.7"}
    meta |= {
        "params": params,
        "versions": versions,
        "state": state,
        "fingerprint": built,
        "started": 0.0,
        "ended": 60.0,
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=1))
    rows = [{"epoch": epoch, "loss": 1 - value, "AP": value} for epoch, value in enumerate(curve, 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def seconds(*arguments: str | Path, rounds: int = 5) -> float:
    """The median wall time of `raypose ARGUMENTS` as a process."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run([*RAYPOSE, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def show(folder: Path, trials: int = 5000) -> list[tuple[str, str, str]]:
    """`raypose show`: what, how long, and the goal."""
    made = experiment(folder, trials)
    return [(f"show, {trials:,} trials of up to 20 epochs", f"{seconds('show', made):.2f} s", "< 2 s")]


def report(folder: Path, trials: int = 1000) -> list[tuple[str, str, str]]:
    """`raypose report`: how long, and how large."""
    made, what = experiment(folder, trials), f"report, {trials:,} trials of up to 20 epochs"
    taken = seconds("report", made, rounds=3)
    size = (made / "report.html").stat().st_size / 1e6
    return [(what, f"{taken:.1f} s", "< 20 s"), (f"{what}, the file", f"{size:.1f} MB", "< 15 MB")]


def help(folder: Path) -> list[tuple[str, str, str]]:
    """`--help` of every command, by the console script where it is installed: the slowest."""
    from raypose.cli import COMMANDS
    from raypose.cli.data import COMMANDS as DATA_COMMANDS

    every = [[], *([name] for name in COMMANDS), *(["data", name] for name in DATA_COMMANDS)]
    taken = {" ".join(["raypose", *words]): seconds(*words, "--help") for words in every}
    slowest = max(taken, key=lambda each: taken[each])
    return [(f"--help, the slowest of {len(taken)} commands (`{slowest}`)", f"{taken[slowest]:.2f} s", "< 0.5 s")]


# Each makes what it needs in the folder that it is given, and gives rows of the table.
FIGURES: dict[str, Callable[[Path], list[tuple[str, str, str]]]] = {"show": show, "report": report, "help": help}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=[*FIGURES])
    print("| what | measured | goal |\n| --- | --- | --- |")
    for name in parser.parse_args().only:
        with tempfile.TemporaryDirectory() as folder:
            for row in FIGURES[name](Path(folder)):
                print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
