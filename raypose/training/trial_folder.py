"""A trial's folder: config.yaml, meta.json, metrics.jsonl, log.txt, checkpoints/, TensorBoard's events. All plain files."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from raypose import __version__
from raypose.files import write_json, write_text
from raypose.training.tensorboard import EventWriter

PACKAGES = ("torch", "torchvision", "timm", "ray", "optuna", "numpy", "opencv-python-headless")
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

    def open(self, config: str, meta: Mapping[str, Any], hparams: Mapping[str, Any] | None = None) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / "config.yaml", config)
        self.update_meta({**meta, **_environment(), "state": "RUNNING", "started": time.time()})
        self._epochs = {row["epoch"] for row in read_metrics(self.path)}
        self._events = EventWriter(self.path)
        if hparams is not None:
            self._events.hparams(hparams, self.path.name)
        self._log = logging.FileHandler(self.path / "log.txt")
        self._log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(self._log)
        logger.setLevel(logging.INFO)

    def record(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add an epoch; one that a resumed trial did again is there already."""
        if epoch in self._epochs:
            return
        self._epochs.add(epoch)
        with open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps({"epoch": epoch, **{name: _json(value) for name, value in metrics.items()}}) + "\n")
        self._events.scalars(epoch, metrics)
        logger.info("epoch %d: %s", epoch, ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))

    def close(self, state: str) -> None:
        self._events.close(state)
        logger.removeHandler(self._log)
        self._log.close()

    def update_meta(self, entries: Mapping[str, Any]) -> None:
        """Change some entries of meta.json."""
        path = self.path / "meta.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        write_json(path, {**known, **entries})


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The epochs in metrics.jsonl; a last line that a kill has torn is cut off."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return []
    whole, newline, torn = path.read_bytes().rpartition(b"\n")
    if torn:
        path.write_bytes(whole + newline)
    return [json.loads(line) for line in whole.splitlines()]


def _environment() -> dict[str, Any]:
    versions = {"raypose": __version__}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "host": platform.node(),
        "pid": os.getpid(),
        "python": platform.python_version(),
        "versions": versions,
    }


def git_commit() -> str | None:
    """The commit of the repository that the process runs in, if it runs in one."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no NaN
