"""What happens at the end of an epoch: keep the best weights, write a checkpoint, tell the search, in that order."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raypose.training import checkpoints
from raypose.training.run import Run
from raypose.training.trainer import Callback, Trainer


class KeepBest(Callback):
    """Calls `keep(model, epoch, metrics)` whenever `metric` is better than ever before."""

    def __init__(self, metric: str, mode: str, keep: Callable[[Any, int, dict[str, float]], None]) -> None:
        self.metric, self.sign, self.keep = metric, 1 if mode == "max" else -1, keep
        self.best: float | None = None

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        value = self.sign * metrics[self.metric]
        if self.best is None or math.isnan(self.best) or value > self.best:
            self.best = value
            self.keep(trainer.best_model, epoch, metrics)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = state["best"]


class Report(Callback):
    """Tells the run the epoch's metrics. The last callback: a trial that is stopped early, or waits, leaves here."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        self.run.report(epoch, metrics)


class Checkpoint(Callback):
    """Writes a checkpoint. Who resumes from it reports its epoch again, which may not have come to that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        checkpoints.save_epoch(trainer.state_dict(), self.folder, epoch)
