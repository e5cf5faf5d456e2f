"""A Ray cluster, and runs of Ray Tune on it over what the study has still to run."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import tune
from rich.console import Console

from raypose.errors import RayPoseError
from raypose.training.trial_folder import git_commit
from raypose.tuning.progress import Progress
from raypose.tuning.resources import Share, share
from raypose.tuning.search_state import SearchState
from raypose.tuning.searcher import StudyScheduler, StudySearcher, StudyStopper
from raypose.tuning.worker import TrialFunction, Worker

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # trials write their own files
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a missing metric fails its trial, not the search
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # Tune's snapshot is never read back
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


@dataclass(frozen=True)
class Session:
    """What the runs of one search have in common: the trial function, early stopping (`inner`: a Ray scheduler), where
    to print."""

    state: SearchState
    trial: TrialFunction
    inner: Any = None
    console: Console = field(default_factory=Console)
    quiet: bool = False

    def run(self) -> None:
        """Run all that remains, on the cluster that is there, by one `fit()`.

        Raises:
            RayPoseError: Ray Tune gave up, or no configuration that meets the constraints was found.
        """
        state = self.state
        if not state.remaining or state.over:
            return
        progress = Progress(state, self.console, self.quiet)
        place = share(state.tune, [node["Resources"] for node in ray.nodes() if node["Alive"]])
        metrics = tuple(goal.metric for goal in state.goals)
        meta = {"git": git_commit()}
        worker = Worker(self.trial, str(state.folder), metrics, state.plugins, meta, place.threads, place.gpu)
        tuner = _tuner(state, worker, place, StudyScheduler(state, self.inner), progress)
        try:
            tuner.fit()
        except Exception as error:
            resume = f"what was running goes on with --resume; details: {state.folder}"
            raise RayPoseError(f"Ray Tune gave up: {error}", hint=resume, exit_status=1) from error
        finally:
            progress.stop()
            shutil.rmtree(state.folder / ".ray", ignore_errors=True)
        if state.over and state.over.error:
            raise state.over.error


def _tuner(
    state: SearchState,
    worker: Worker,
    place: Share,
    scheduler: StudyScheduler,
    progress: Progress,
) -> tune.Tuner:
    def trainable(config: dict[str, Any]) -> None:
        worker(config)

    return tune.Tuner(
        tune.with_resources(trainable, {"cpu": place.cpu, "gpu": place.gpu}),
        tune_config=tune.TuneConfig(
            search_alg=StudySearcher(state),
            scheduler=scheduler,
            num_samples=state.remaining,
            max_concurrent_trials=place.at_a_time,
            reuse_actors=True,
            trial_name_creator=lambda trial: f"trial_{trial.config['number']:04d}",
            trial_dirname_creator=lambda trial: f"trial_{trial.config['number']:04d}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(state.folder / ".ray"),
            verbose=0,
            stop=StudyStopper(state),
            callbacks=[progress],
            failure_config=tune.FailureConfig(max_failures=state.tune.max_failures),
        ),
    )


@contextlib.contextmanager
def cluster(address: str | None, console: Console, quiet: bool) -> Iterator[None]:
    """A Ray cluster: the one at `address`, the one that this process is connected to, else one on this machine."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    started = not ray.is_initialized()
    if started:
        logging.getLogger("ray").setLevel(logging.ERROR)
        context = ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        if not quiet and context.dashboard_url:
            console.print(f"Ray dashboard: http://{context.dashboard_url} (its token: ray get-auth-token)")
    try:
        yield
    finally:
        if started:
            ray.shutdown()
