"""What is done with a trial's folder when the trial has ended: its last state, its weights, the best model."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypose import model_folder
from raypose.files import read_json, write_json
from raypose.training.trial_folder import ENDED, read_meta

LARGE = ("weights.pt", "predictions.json", "samples")


@dataclass(frozen=True)
class TrialFiles:
    """The folders `trials/NNNN`, `best` and `pareto/NNNN` of the experiment in `folder`."""

    folder: Path

    def path(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:04d}"

    def clear(self, number: int) -> None:
        """Remove what lies where a trial begins."""
        shutil.rmtree(self.path(number), ignore_errors=True)

    def end(self, number: int, state: str, reason: str, value: float | None) -> None:
        """Write a finished trial's state into its meta.json and remove its checkpoints."""
        shutil.rmtree(self.path(number) / "checkpoints", ignore_errors=True)
        self.note(number, state=state, reason=reason, value=value, ended=time.time())

    def is_ended(self, number: int) -> bool:
        """Whether `end` has been through."""
        return not (self.path(number) / "meta.json").exists() or self.meta(number).get("state") in ENDED

    def meta(self, number: int) -> dict[str, Any]:
        """What meta.json says; nothing where there is none."""
        return read_meta(self.path(number))

    def note(self, number: int, **entries: Any) -> None:
        """Change some entries of meta.json, if there is one."""
        if (self.path(number) / "meta.json").exists():
            write_json(self.path(number) / "meta.json", {**self.meta(number), **entries})

    def drop_weights(self, number: int) -> None:
        """Remove what only the best few trials keep."""
        for name in LARGE:
            path = self.path(number) / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def publish(self, number: int, name: str = "best") -> None:
        """Make `best/` (or `name`) that trial's model folder, if it is another one's and the trial left one."""
        source, target = self.path(number), self.folder / name
        wanted, there = {"trial": number, **read_json(source / "metrics.json")}, read_json(target / "metrics.json")
        if not (source / "weights.pt").exists() or wanted.items() <= there.items():
            return
        write_json(source / "metrics.json", wanted)
        model_folder.publish(source, target)

    def publish_front(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Make `pareto/NNNN` the model folders of the front's trials, as far as they left one, and `pareto.json` tell of
        these points, each with its `trial`."""
        wanted = {f"{each['trial']:04d}": each["trial"] for each in points}
        for name, number in wanted.items():
            self.publish(number, f"pareto/{name}")
        write_json(self.folder / "pareto.json", list(points))
        for old in (self.folder / "pareto").glob("[0-9]*"):
            if old.name not in wanted:
                shutil.rmtree(old.rename(old.with_name(f".{old.name}")))  # at once, for who looks on
