"""What runs in a Ray worker: one trial, its folder, and its failures told as results, so that Ray never sees them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypose.config import Training
from raypose.training.run import Run
from raypose.tuning.search_state import Task

logger = logging.getLogger("raypose")
TrialFunction = Callable[[dict[str, Any], Run], None]


@dataclass(frozen=True)
class Worker:
    """A picklable `trainable({"task": Task})` for Ray Tune around a trial function. How the trial ended, it tells as a
    last result: `{"ended": state, "reason": ..., "detail": ...}`."""

    trial: TrialFunction
    folder: str
    metrics: tuple[str, ...]  # that every report must have: the objectives
    plugins: Mapping[str, str]  # what is loaded, and the user's own name of it
    meta: dict[str, Any]
    threads: int
    gpus: float

    def __call__(self, config: dict[str, Any]) -> None:
        from ray import tune

        from raypose.plugins import load_plugins
        from raypose.training.trial_folder import TrialFolder

        task: Task = config["task"]
        folder = TrialFolder(Path(self.folder) / "trials" / f"{task.number:04d}")
        folder.open(task.text, {**self.meta, **task.meta}, hparams=task.params)
        state, end = "PRUNED", {}  # a trial that is stopped leaves `report` by SystemExit
        try:
            load_plugins(list(self.plugins))
            self.trial(task.config, self._run(folder, task))
            state = "COMPLETE"
        except Exception as error:
            logger.error("the trial failed\n%s", self._told(traceback.format_exc()))
            state, end = "FAIL", {"reason": reason(error), "detail": self._told(detail(error))}
        finally:
            folder.close(state)
            self._free()
        tune.report({"ended": state, **dict.fromkeys(self.metrics, float("nan")), **end})

    def _run(self, folder: Any, task: Task) -> Run:
        epochs = (task.config.get("training") or {}).get("epochs", Training.epochs)

        def report(epoch: int, metrics: dict[str, float]) -> None:
            from ray import tune

            values = _floats(metrics, self.metrics)
            folder.record(epoch, values)
            tune.report({**values, "epoch": epoch, "last_epoch": epoch == epochs})

        return Run(
            seed=task.seed,
            dir=folder.path,
            report=report,
            device="cuda" if self.gpus else "cpu",
            threads=self.threads,
            checkpoint=_newest_checkpoint(folder.checkpoints),
        )

    def _told(self, text: str) -> str:
        """With the user's own files in place of their copies."""
        for kept, own in self.plugins.items():
            text = text.replace(kept, own)
        return text

    def _free(self) -> None:
        # The process is used again, and its neighbour on the same GPU may need what this trial no longer does.
        if self.gpus:
            import torch

            torch.cuda.empty_cache()


def detail(error: Exception) -> str:
    """The last lines of a traceback, that of the user's own code among them, and the message, led by its place."""
    from raypose.plugins import located, own_frame

    frames = traceback.extract_tb(error.__traceback__)[-2:]
    own = own_frame(error)
    if own is not None and own not in frames:
        frames = [own, *frames]
    return "".join([*traceback.format_list(frames), str(located(error)[0])])


def reason(error: Exception) -> str:
    """The one word that the study keeps for why a trial failed."""
    kinds = {"FloatingPointError": "nan", "OutOfMemoryError": "out_of_memory", "MemoryError": "out_of_memory"}
    return next((kinds[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in kinds), "raised")


def _floats(metrics: dict[str, float], wanted: Iterable[str]) -> dict[str, float]:
    for metric in wanted:
        if metric not in metrics:
            known = ", ".join(sorted(metrics))
            raise KeyError(f"the trial reported no '{metric}', which tune.metric names; it reported: {known}")
    return {name: float(value) for name, value in metrics.items()}


def _newest_checkpoint(folder: Path) -> Path | None:
    if not folder.exists():
        return None
    from raypose.training.checkpoints import newest

    return newest(folder)
