"""What is done with a trial's folder when the trial has ended: its last state, its weights, the best model."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypose import model_folder
from raypose.files import write_json

LARGE = ("weights.pt", "predictions.json")


@dataclass(frozen=True)
class TrialFiles:
    """The folders `trials/NNNN` and `best` of the experiment in `folder`."""

    folder: Path

    def path(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:04d}"

    def end(self, number: int, state: str, reason: str, value: float | None) -> None:
        """Write a finished trial's state into its meta.json and remove its checkpoints."""
        shutil.rmtree(self.path(number) / "checkpoints", ignore_errors=True)
        meta = self.path(number) / "meta.json"
        if meta.exists():
            known = json.loads(meta.read_text())
            ended = {"state": state, "reason": reason, "value": value, "ended": time.time()}
            write_json(meta, {**known, **ended})

    def is_ended(self, number: int) -> bool:
        """Whether `end` has been through."""
        meta = self.path(number) / "meta.json"
        return not meta.exists() or json.loads(meta.read_text()).get("state") != "RUNNING"

    def drop_weights(self, number: int) -> None:
        """Remove what only the best few trials keep."""
        for name in LARGE:
            (self.path(number) / name).unlink(missing_ok=True)

    def publish(self, number: int) -> None:
        """Make `best/` that trial's model folder, if it is another one's and the trial left one."""
        source, target = self.path(number), self.folder / "best"
        if not (source / "weights.pt").exists() or _read(target / "metrics.json").get("trial") == number:
            return
        write_json(source / "metrics.json", {"trial": number, **_read(source / "metrics.json")})
        model_folder.publish(source, target)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}
