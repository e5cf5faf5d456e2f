"""The state of a search: its Optuna study, and what is done with a trial's folder when it ends. Knows nothing of Ray."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from raypose import journal
from raypose.config import Tune
from raypose.plugins import relative
from raypose.space import Space, dump, from_trial
from raypose.tuning.draws import Draws
from raypose.tuning.limits import Limits, cost_of
from raypose.tuning.task import Task
from raypose.tuning.trial_files import TrialFiles


class SearchState:
    """Asks the study for trials and tells it how they went. The study is the one truth: what is not told is not done.

    Example:
        >>> state = SearchState(space, Path("experiments/quickstart"), tune, seed=0)
        >>> task = state.next_task()
        >>> state.report(task.number, epoch=1, value=0.3)
        >>> state.finish(task.number, TrialState.COMPLETE)
    """

    def __init__(
        self,
        space: Space,
        folder: Path,
        tune: Tune,
        *,
        seed: int,
        pruner: Any = None,
        plugins: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        initial_points: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.space, self.folder, self.tune, self.seed, self.plugins = space, folder, tune, seed, plugins or {}
        self.files = TrialFiles(folder)
        self.better = max if tune.mode == "max" else min
        self.study = optuna.create_study(
            study_name=journal.STUDY_NAME,
            storage=journal.storage(folder, repair=True),
            pruner=pruner or optuna.pruners.NopPruner(),
            direction="maximize" if tune.mode == "max" else "minimize",
            load_if_exists=True,
        )
        self.draws = Draws(self.study, space, tune.num_trials, limits or Limits(), seed)
        self.draws.enqueue(initial_points)
        self._live: dict[int, Trial] = {}
        self._tidy_what_a_kill_left()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given into its snapshot, which is never read back

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The study's trials in those states (default: all), draws that broke a constraint included."""
        return self.draws.trials(*states)

    @property
    def remaining(self) -> int:
        """How many trials are still to be run, interrupted ones included."""
        return self.draws.remaining

    def next_task(self) -> Task | None:
        """The next trial: an interrupted one under its old number, else a new one; None when all are handed out.

        Raises:
            RayPoseError: no configuration that meets the constraints was found.
        """
        drawn = self.draws.next()
        if drawn is None:
            return None
        trial, config = drawn
        self._live[trial.number] = trial
        seed = random.Random(f"{self.seed}/{trial.number}").getrandbits(31)
        kept = {"plugins": relative(self.plugins, self.files.path(trial.number))} if self.plugins else {}
        text = dump({**self.space.sample(from_trial(trial), portable=True), "seed": seed, **kept})
        return Task(trial.number, dict(trial.params), {**config, "seed": seed}, text, seed, cost_of(trial))

    def report(self, number: int, epoch: int, value: float) -> None:
        """Tell an epoch's value; one that a resumed trial did again is there already."""
        trial = self._live[number]
        if epoch not in self.study.get_trials(deepcopy=False)[number].intermediate_values:
            trial.report(value, epoch)

    def should_prune(self, number: int) -> bool:
        """What the study's pruner says after the last report."""
        return self._live[number].should_prune()

    def value(self, trial: FrozenTrial) -> float | None:
        """A trial's value: the best of its epochs, which is that of the weights that are kept."""
        values = [v for v in trial.intermediate_values.values() if not math.isnan(v)]
        return self.better(values) if values else None

    def best(self) -> FrozenTrial | None:
        """The best finished trial."""
        done = self.trials(TrialState.COMPLETE)
        return self.better(done, key=_value) if done else None

    def finish(self, number: int, state: TrialState, reason: str = "", detail: str = "") -> None:
        """Tell the study how a trial ended, then tidy its folder. Once; later calls for the same trial are ignored."""
        trial = self._live.pop(number, None)
        if trial is None:
            return
        frozen = self.trials()[number]
        value = self.value(frozen)
        if state == TrialState.COMPLETE and value is None:
            state, reason, detail = TrialState.FAIL, "raised", "the trial ended without reporting an epoch"
        if state == TrialState.PRUNED and value is None:
            state = TrialState.FAIL
        self.draws.tell(trial, state, value if state == TrialState.COMPLETE else None, reason, detail)
        self.files.end(number, state.name, reason, value)
        self.publish_best()
        # Only the trial that just ended and the one that it pushed out can be beyond the best few.
        ranked = self._ranked()
        for each in {number, *ranked[self.tune.keep : self.tune.keep + 1]} - set(ranked[: self.tune.keep]):
            self.files.drop_weights(each)

    def publish_best(self) -> None:
        """Make `best/` the best finished trial's model folder, if that trial left one."""
        if best := self.best():
            self.files.publish(best.number)

    def _ranked(self) -> list[int]:
        done = sorted(self.trials(TrialState.COMPLETE), key=_value, reverse=self.tune.mode == "max")
        return [trial.number for trial in done]

    def _tidy_what_a_kill_left(self) -> None:
        kept = set(self._ranked()[: self.tune.keep])
        for trial in self.trials():
            if trial.state.is_finished():
                if not self.files.is_ended(trial.number):
                    reason = trial.user_attrs.get("reason", "")
                    self.files.end(trial.number, trial.state.name, reason, self.value(trial))
                if trial.number not in kept:
                    self.files.drop_weights(trial.number)


def _value(trial: FrozenTrial) -> float:
    return trial.value if trial.value is not None else math.nan
