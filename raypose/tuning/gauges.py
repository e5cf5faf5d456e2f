"""Gauges of a running search for Prometheus; Ray exports them on the search's own node, each with `ray_` before its name."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from ray.util.metrics import Gauge

from raypose.reporting.roles import is_trial
from raypose.tuning.onlookers import Onlooker
from raypose.tuning.search_state import SearchState

# What is exported of a trial's reports besides what `tune` names, where a trial reports it.
OF_TRAINING = ("epoch", "loss", "train_loss", "lr", "samples_per_second", "gpu_memory")
STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL")


class Gauges(Onlooker):
    """Exports the last report of each running trial, and how the search is.

    | gauge | tags | what |
    | --- | --- | --- |
    | `raypose_trial_NAME` | experiment, trial | objectives, metrics of constraints, and what `OF_TRAINING` names |
    | `raypose_search_trials` | experiment, state | how many of the search's own trials there are |
    | `raypose_search_best_NAME` | experiment | the best finished trial's value of the first objective |

    Names are in small letters, with `_` for what Prometheus does not allow.

    Ray exports what was set since it last did (every 10 s), and soon forgets what is not set again: so all is set at each
    look, and what has ended goes by itself.
    """

    every = 2.0

    def __init__(self, state: SearchState) -> None:
        super().__init__()
        self.state = state
        objectives = [goal.metric for goal in state.goals]
        self.names = tuple(dict.fromkeys([*objectives, *state.outcomes.names, *OF_TRAINING]))
        self.latest: dict[int, dict[str, Any]] = {}
        self._gauges: dict[str, Gauge] = {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self.latest[trial.config["number"]] = result

    def look(self, trials: list[Any]) -> None:
        self.latest = {number: result for number, result in self.latest.items() if self.state.is_live(number)}
        for number, result in self.latest.items():
            for name in self.names:
                self._set(f"trial_{name}", f"{name} of a running trial", result.get(name), trial=str(number))
        states = Counter(trial.state.name for trial in self.state.trials() if is_trial(trial))
        for state in STATES:
            self._set("search_trials", "trials of a search", states[state], state=state)
        if best := self.state.best():
            metric = self.state.goals[0].metric
            self._set(f"search_best_{metric}", f"{metric} of the best finished trial", best.values[0])

    def _set(self, name: str, description: str, value: Any, **tags: str) -> None:
        if isinstance(value, (int, float)) and math.isfinite(value):
            plain = re.sub(r"[^a-z0-9_]", "_", f"raypose_{name}".lower())  # Ray's exporter knows no capitals
            if plain not in self._gauges:
                self._gauges[plain] = Gauge(plain, description, tag_keys=("experiment", *tags))
            self._gauges[plain].set(value, {"experiment": self.state.folder.name, **tags})
