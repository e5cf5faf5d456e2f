"""Trials in Ray's dashboard and in `ray list actors`: an actor by the name of each running one, with its log."""

from __future__ import annotations

import time
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raypose.reporting.records import params
from raypose.tuning.nodes.trial_log import Trial
from raypose.tuning.onlookers import Onlooker
from raypose.tuning.search_state import SearchState
from raypose.tuning.task import title


class TrialActors(Onlooker):
    """Keeps an actor for each trial that runs, `trial 7: ResNet, lr 0.0012`, on the trial's node, as long as it runs.

    The process that trains cannot have that name: it goes on with the next trial, since a new one would take seconds, and
    Ray names an actor for good. An actor here takes no CPU of Ray's, 60 MB and half a second, and only trials of some
    seconds get one; none do where there is no dashboard.
    """

    after = 5.0  # seconds that a trial has been running

    def __init__(self, state: SearchState) -> None:
        super().__init__()
        self.state = state
        self._since: dict[int, float] = {}
        self._actors: dict[int, Any] = {}

    def look(self, trials: list[Any]) -> None:
        from ray._private.worker import get_dashboard_url

        if not get_dashboard_url():
            return
        now = time.monotonic()
        running = [trial.config["number"] for trial in trials if trial.status == trial.RUNNING]
        self._since = {number: self._since.get(number, now) for number in running}
        for number in self._actors.keys() - self._since.keys():
            ray.kill(self._actors.pop(number))
        for number, since in self._since.items():
            if number not in self._actors and now - since >= self.after:
                self._actors[number] = self._start(number)

    def leave(self) -> None:
        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()

    def _start(self, number: int) -> Any:
        name, meta = title(number, params(self.state.trial(number))), self.state.files.meta(number)
        options: dict[str, Any] = {"name": name, "num_cpus": 0}
        if "node" in meta:
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(meta["node"], soft=True)
        actor: Any = ray.remote(Trial).options(**options).remote(self.state.files.path(number))
        actor.follow.remote(f"{name}, in process {meta.get('pid')} on {meta.get('host')}\n")
        return actor
