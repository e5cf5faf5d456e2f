"""What runs in a Ray worker: one trial, its folder, and its failures told as results, so that Ray never sees them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypose.training.run import Run

logger = logging.getLogger("raypose")
TrialFunction = Callable[[dict[str, Any], Run], None]


@dataclass(frozen=True)
class Worker:
    """A picklable `trainable(task)` for Ray Tune around a trial function."""

    trial: TrialFunction
    folder: str
    metric: str
    plugins: list[str]
    threads: int
    gpus: float

    def __call__(self, task: dict[str, Any]) -> None:
        from raypose.plugins import load_plugins
        from raypose.space import Space
        from raypose.training.trial_folder import TrialFolder

        number, text = task["number"], task["text"]
        folder = TrialFolder(Path(self.folder) / "trials" / f"{number:04d}")
        meta = {"number": number, "seed": task["seed"], "params": task["params"]}
        folder.open(text, meta, hparams=task["params"])
        state = "PRUNED"  # a trial that is stopped leaves `report` by SystemExit
        try:
            load_plugins(self.plugins)
            config = Space.parse(text, file=str(folder.path / "config.yaml"), folder=folder.path).config()
            self.trial(config, self._run(folder, task["seed"], config))
            state = "COMPLETE"
        except Exception as error:
            state = "FAIL"
            self._report_failure(error)
        finally:
            folder.close(state)

    def _run(self, folder: Any, seed: int, config: dict[str, Any]) -> Run:
        epochs = (config.get("training") or {}).get("epochs")

        def report(epoch: int, metrics: dict[str, float]) -> None:
            from ray import tune

            values = _floats(metrics, self.metric)
            folder.record(epoch, values)
            tune.report({"epoch": epoch, "last_epoch": epoch == epochs, **values})

        return Run(
            seed=seed,
            dir=folder.path,
            report=report,
            device="cuda" if self.gpus else "cpu",
            threads=self.threads,
            checkpoint=_newest_checkpoint(folder.checkpoints),
        )

    def _report_failure(self, error: Exception) -> None:
        from ray import tune

        from raypose.tuning.searcher import DETAIL, FAILED

        logger.error("the trial failed\n%s", traceback.format_exc())
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[-2:])
        message = str(error).strip().splitlines() or [""]
        detail = "".join([*frames, f"{type(error).__name__}: {message[0]}"])
        tune.report({"epoch": 0, self.metric: float("nan"), FAILED: reason(error), DETAIL: detail})


def reason(error: Exception) -> str:
    """The one word that the study keeps for why a trial failed."""
    kinds = {"FloatingPointError": "nan", "OutOfMemoryError": "out_of_memory", "MemoryError": "out_of_memory"}
    return next((kinds[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in kinds), "raised")


def _floats(metrics: dict[str, float], metric: str) -> dict[str, float]:
    if metric not in metrics:
        known = ", ".join(sorted(metrics))
        raise KeyError(f"the trial reported no '{metric}', which tune.metric names; it reported: {known}")
    return {name: float(value) for name, value in metrics.items()}


def _newest_checkpoint(folder: Path) -> Path | None:
    if not folder.exists():
        return None
    from raypose.training.checkpoints import newest

    return newest(folder)
