"""Runs of Ray Tune over what the study has still to run, on the cluster that is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import tune
from rich.console import Console

from raypose.training.trial_folder import git_state
from raypose.tuning.faults.failures import disk_full, is_disk_full
from raypose.tuning.faults.losses import Losses
from raypose.tuning.faults.stall import Watch
from raypose.tuning.gauges import Gauges
from raypose.tuning.nodes.resources import Share, share
from raypose.tuning.progress import Progress
from raypose.tuning.search_state import SearchState
from raypose.tuning.searcher import StudyScheduler, StudySearcher, StudyStopper
from raypose.tuning.stopping.population import PopulationBasedTraining
from raypose.tuning.stopping.population_scheduler import PopulationScheduler
from raypose.tuning.stopping.ray_scheduler import RayScheduler
from raypose.tuning.stopping.scheduler import EarlyStopping
from raypose.tuning.trial_actors import TrialActors
from raypose.tuning.worker import TrialFunction, Worker


@dataclass(frozen=True)
class Session:
    """What the runs of one search have in common: the trial function, early stopping (`inner`: makes a Ray
    scheduler, afresh for each run), where to print, and whether the cluster may get more nodes."""

    state: SearchState
    trial: TrialFunction
    inner: Callable[[], Any] | None = None
    console: Console = field(default_factory=Console)
    grows: bool = False

    @property
    def place(self) -> Share:
        """What one trial takes of the nodes that are there."""
        return share(self.state.tune, [node["Resources"] for node in ray.nodes() if node["Alive"]], self.grows)

    def run(self) -> None:
        """Run all that remains, on the cluster that is there; where Ray Tune gives up, by a new `fit()`.

        Raises:
            RayPoseError: Ray Tune gave up time and again, or the search is over by an error.
        """
        state, losses = self.state, Losses(self.state)
        while state.remaining:
            error = self._fit()
            if error is not None and is_disk_full(error):
                state.end("no space left on the disk", disk_full(state.folder))
            if not state.halted and (error is not None or state.live):
                losses.take(error)
        if state.halted:
            state.mark_interrupted()
        if state.over and state.over.error:
            raise state.over.error

    def _fit(self) -> Exception | None:
        """Run all that remains by one `fit()`; returns what it gave up by."""
        state = self.state
        progress = Progress(state, self.console)
        place = self.place
        state.budget.gpus = place.gpu
        state.budget.need_gpus()
        metrics = tuple(dict.fromkeys([*(goal.metric for goal in state.goals), *state.outcomes.names]))
        meta = git_state()
        worker = Worker(self.trial, str(state.folder), metrics, state.plugins, meta, place.threads, place.gpu)
        inner = self._early_stopping(place)
        tuner = _tuner(state, worker, place, StudyScheduler(state, inner), progress)
        try:
            tuner.fit()
        except Exception as error:
            return error
        finally:
            progress.leave()
            shutil.rmtree(state.folder / ".ray", ignore_errors=True)
        return None

    def _early_stopping(self, place: Share) -> EarlyStopping | None:
        scheduler = None if self.inner is None else self.inner()
        if isinstance(scheduler, PopulationBasedTraining):
            return PopulationScheduler(self.state, scheduler, place.at_a_time, self._warn)
        return None if scheduler is None else RayScheduler(scheduler, self.state)

    def _warn(self, told: str) -> None:
        self.console.out(f"warning: {told}", highlight=False)


def _tuner(
    state: SearchState,
    worker: Worker,
    place: Share,
    scheduler: StudyScheduler,
    progress: Progress,
) -> tune.Tuner:
    def trial_worker(config: dict[str, Any]) -> None:  # by this name Ray's dashboard knows it
        worker(config)

    stopping, watch = scheduler.inner or EarlyStopping(), Watch(state)
    # Tune counts trials that wait, so that a population larger than the cluster would never begin.
    counts = not stopping.takes_turns
    return tune.Tuner(
        tune.with_resources(trial_worker, {"cpu": place.cpu, "gpu": place.gpu}),
        tune_config=tune.TuneConfig(
            search_alg=StudySearcher(state, stopping.has_room),
            scheduler=scheduler,
            num_samples=state.remaining if counts else -1,
            max_concurrent_trials=place.at_a_time if counts else None,
            reuse_actors=True,
            trial_name_creator=lambda trial: f"trial_{trial.config['number']:04d}",
            trial_dirname_creator=lambda trial: f"trial_{trial.config['number']:04d}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(state.folder / ".ray"),
            verbose=0,
            stop=StudyStopper(lambda: watch.has_ended_all),
            callbacks=[progress, watch, Gauges(state), TrialActors(state)],
            failure_config=tune.FailureConfig(max_failures=state.tune.max_failures + 1),  # `Watch` counts
        ),
    )
