"""A trial's folder: config.yaml, meta.json, metrics.jsonl, log.txt, checkpoints/, TensorBoard's events. All plain files."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from raypose import __version__
from raypose.files import read_json, read_json_lines, to_json, write_json, write_text
from raypose.training.tensorboard import EventWriter

PACKAGES = ("torch", "torchvision", "timm", "ray", "optuna", "numpy", "opencv-python-headless")
BEST = "best/"  # before the names of objectives: TensorBoard's curves of their values in the best epoch so far
ENDED = ("COMPLETE", "PRUNED", "FAIL")  # the states of trials that don't go on
logger = logging.getLogger("raypose")


class TrialFolder:
    """Opens (or makes) the folder of one trial and records what happens in it.

    Example:
        >>> folder = TrialFolder(Path("trials/0007"))
        >>> folder.open(config_text, {"number": 7, "seed": 3}, hparams={"optimizer.AdamW.lr": 1e-3})
        >>> folder.record(1, {"AP": 0.2})
        >>> folder.close("COMPLETE")
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._epochs: set[int] = set()
        self._objectives: Mapping[str, str] = {}
        self._best: float | None = None
        self._events: EventWriter | None = None
        self._log: logging.Handler | None = None

    def open(
        self,
        config: str,
        meta: Mapping[str, Any],
        hparams: Mapping[str, Any] | None = None,
        objectives: Mapping[str, str] | None = None,
    ) -> None:
        """`hparams` make it a row of TensorBoard's HParams page; `objectives` are the modes (max, min) of metrics, the first
        of which says what the best epoch is."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / "config.yaml", config)
        self.update_meta({**meta, **_environment(), "state": "RUNNING", "started": time.time()})
        rows, self._objectives = _repaired_metrics(self.path), objectives or {}
        self._epochs = {row["epoch"] for row in rows}
        for row in rows:
            self._best_values(row)
        self._log = logging.FileHandler(self.path / "log.txt")
        self._log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(self._log)
        logger.setLevel(logging.INFO)
        self._events = EventWriter(self.path)
        if hparams is not None:
            self._events.hparams(hparams, f"{self.path.absolute().parents[1].name}/{self.path.name}")

    def record(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Add an epoch; returns whether it is new: a resumed trial tells its checkpoint's epoch again."""
        if epoch in self._epochs:
            return False
        self._epochs.add(epoch)
        with open(self.path / "metrics.jsonl", "a") as file:
            file.write(to_json({"epoch": epoch, **metrics}, indent=None) + "\n")
        if self._events is not None:
            self._events.scalars(epoch, {**metrics, **self._best_values(metrics)})
        logger.info("epoch %d: %s", epoch, ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
        return True

    def show(self, epoch: int, tag: str, image: np.ndarray) -> None:
        """A picture, uint8 [h,w,3] in RGB, for TensorBoard."""
        if self._events is not None:
            self._events.image(epoch, tag, image)

    def _best_values(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """The objectives of an epoch that is the best so far, under the names that they have as such."""
        name, mode = next(iter(self._objectives.items()), ("", ""))
        value = metrics.get(name)
        if value is None or not math.isfinite(value):
            return {}
        if self._best is not None and (value <= self._best if mode == "max" else value >= self._best):
            return {}
        self._best = value
        return {BEST + each: metrics[each] for each in self._objectives if metrics.get(each) is not None}

    def close(self, state: str) -> None:
        """Also of a folder that could not be opened to the end."""
        try:
            if self._events is not None:
                self._events.close(state)
        finally:
            if self._log is not None:
                logger.removeHandler(self._log)
                self._log.close()

    def update_meta(self, entries: Mapping[str, Any]) -> None:
        """Change some entries of meta.json."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "meta.json", {**read_meta(self.path), **entries})


def read_meta(folder: Path) -> dict[str, Any]:
    """What meta.json says of a trial; nothing where there is none, or a damaged one."""
    return read_json(folder / "meta.json")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The epochs in metrics.jsonl, up to a line that is not whole (yet)."""
    return read_json_lines(folder / "metrics.jsonl")[0]


def _repaired_metrics(folder: Path) -> list[dict[str, Any]]:
    """Them, for who writes on: what a kill has torn is cut off."""
    path = folder / "metrics.jsonl"
    rows, size = read_json_lines(path)
    if path.exists() and size < path.stat().st_size:
        os.truncate(path, size)
    return rows


def _environment() -> dict[str, Any]:
    return {"host": platform.node(), "pid": os.getpid(), "python": platform.python_version(), "versions": _versions()}


@cache
def _versions() -> dict[str, str]:  # a process has one set, and trials in it are many
    versions = {"raypose": __version__}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


def git_state() -> dict[str, Any]:
    """`{"git": commit, "git_changed": whether tracked files differ from it}` of the repository that the process runs in;
    None where it runs in none."""
    commit, changes = _git("rev-parse", "HEAD"), _git("diff", "--quiet", "HEAD")
    if commit is None or changes is None or commit.returncode != 0:
        return {"git": None, "git_changed": None}
    return {"git": commit.stdout.strip(), "git_changed": changes.returncode != 0}


def _git(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
