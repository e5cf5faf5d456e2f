"""What runs in a Ray worker: one trial, its folder, and its failures told as results, so that Ray never sees them."""

from __future__ import annotations

import contextlib
import gc
import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypose.config import Training, Tune, leading, read
from raypose.plugins import load_plugins, with_own_names
from raypose.training.run import Run
from raypose.training.trial_folder import ENDED, TrialFolder, read_meta
from raypose.tuning.faults.failures import detail, is_disk_full, reason
from raypose.tuning.faults.processes import showing_stacks
from raypose.tuning.printed import printed_to
from raypose.tuning.task import Task, title
from raypose.tuning.trial_files import TrialFiles

logger = logging.getLogger("raypose")
TrialFunction = Callable[[dict[str, Any], Run], None]


@dataclass(frozen=True)
class Worker:
    """A picklable `trainable({"task": Task})` for Ray Tune around a trial function. How the trial ended, it tells as a
    last result: `{"ended": state, "reason": ..., "detail": ...}`."""

    trial: TrialFunction
    folder: str
    metrics: tuple[str, ...]  # that every report must have: the objectives, and what constraints name
    plugins: Mapping[str, str]  # what is loaded, and the user's own name of it
    meta: dict[str, Any]
    threads: int
    gpus: float

    def __call__(self, config: dict[str, Any]) -> None:
        from ray import tune

        task: Task = config["task"]
        folder = TrialFolder(TrialFiles(Path(self.folder)).path(task.number))
        ended = read_meta(folder.path).get("state")  # FAIL where the driver gave up on a process that was lost
        end = {"ended": ended} if ended in ENDED else self._go(folder, task)
        tune.report({**dict.fromkeys(self.metrics, float("nan")), **end})

    def _go(self, folder: TrialFolder, task: Task) -> dict[str, str]:
        """Run the trial and tell how it ended."""
        end = {"ended": "PRUNED"}  # a trial that is stopped leaves `report` by SystemExit
        try:
            meta = {**self.meta, **_place(), **task.meta}
            folder.open(task.text, meta, hparams=task.params, objectives=_objectives(task.config))
            log = folder.path / "log.txt"
            print(f"trial {task.number} of {self.folder}: what it prints is in {log}", flush=True)
            with showing_stacks(log), printed_to(log):
                _entitle(task)
                load_plugins(list(self.plugins))
                self.trial(task.config, self._run(folder, task))
            end = {"ended": "COMPLETE"}
        except SystemExit as stopped:
            traceback.clear_frames(stopped.__traceback__)  # they hold the model until the thread has ended
            raise
        except Exception as error:
            logger.error("the trial failed\n%s", with_own_names(traceback.format_exc(), self.plugins))
            end = {"ended": "FAIL", "reason": reason(error), "detail": with_own_names(detail(error), self.plugins)}
            if is_disk_full(error):
                end["ended"] = "RUNNING"  # it goes on once there is space again
        finally:
            with contextlib.suppress(OSError):
                folder.close(end["ended"])
            self._free()
        return end

    def _run(self, folder: TrialFolder, task: Task) -> Run:
        epochs = (task.config.get("training") or {}).get("epochs", Training.epochs)

        def report(epoch: int, metrics: dict[str, float]) -> None:
            from ray import tune

            values = _floats({**task.cost, **metrics}, self.metrics)
            folder.record(epoch, values)
            tune.report({**values, "epoch": epoch, "last_epoch": epoch == epochs})
            _entitle(task)  # Ray has written its own

        return Run(
            seed=task.seed,
            dir=folder.path,
            report=report,
            device="cuda" if self.gpus else "cpu",
            threads=self.threads,
            checkpoint=_newest_checkpoint(folder.checkpoints),
            show=folder.show,
        )

    def _free(self) -> None:
        # The process is used again, and its neighbour on the same GPU may need what this trial no longer does.
        if self.gpus:
            import torch

            gc.collect()  # a model and its training know each other
            torch.cuda.empty_cache()


def _place() -> dict[str, str]:
    """Where this process runs, for who has to end it."""
    import ray

    return {"node": ray.get_runtime_context().get_node_id()}


def _entitle(task: Task) -> None:
    """Have `ps`, `nvidia-smi` and Ray's dashboard show what this process does; Ray knows its own by the first word."""
    from ray import _raylet

    with contextlib.suppress(AttributeError, ValueError):  # Ray's own affair; half a surrogate pair in a label
        _raylet.setproctitle(f"ray::{title(task.number, task.params)}")  # type: ignore[attr-defined]


def _objectives(config: Mapping[str, Any]) -> dict[str, str]:
    """The modes of the objectives' metrics; the one that decides on the best epoch comes first."""
    goals = read(Tune, config.get("tune")).goals
    first = goals[leading(goals)]
    return {goal.metric: goal.mode for goal in (first, *goals)}


def _floats(metrics: dict[str, float], wanted: Iterable[str]) -> dict[str, float]:
    for metric in wanted:
        if metric not in metrics:
            known = ", ".join(sorted(metrics))
            raise KeyError(f"the trial reported no '{metric}', which tune names; it reported: {known}")
    return {name: float(value) for name, value in metrics.items()}


def _newest_checkpoint(folder: Path) -> Path | None:
    if not folder.exists():
        return None
    from raypose.training.checkpoints import newest

    return newest(folder)
