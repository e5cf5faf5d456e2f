"""The state of a search: its Optuna study, and what is done with a trial's folder when it ends. Knows nothing of Ray."""

from __future__ import annotations

import json
import logging
import math
import random
import shutil
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from raypose import journal, model_folder
from raypose.config import Tune
from raypose.files import write_json
from raypose.space import Space, dump, from_trial

logger = logging.getLogger("raypose")


@dataclass(frozen=True)
class Task:
    """A trial to run: its number, the values of its dimensions, and the configuration they give (one as YAML text)."""

    number: int
    params: dict[str, Any]
    config: dict[str, Any]
    text: str
    seed: int


class SearchState:
    """Asks the study for trials and tells it how they went. The study is the one truth: what is not told is not done.

    Example:
        >>> state = SearchState(space, Path("experiments/quickstart"), tune, seed=0, sampler=sampler)
        >>> task = state.next_task()
        >>> state.report(task.number, epoch=1, value=0.3)
        >>> state.finish(task.number, TrialState.COMPLETE)
    """

    def __init__(
        self, space: Space, folder: Path, tune: Tune, *, seed: int, sampler: Any = None, pruner: Any = None
    ) -> None:
        self.space, self.folder, self.tune, self.seed = space, folder, tune, seed
        self.better = max if tune.mode == "max" else min
        self.study = optuna.create_study(
            study_name=journal.STUDY_NAME,
            storage=journal.storage(folder, repair=True),
            sampler=sampler,
            pruner=pruner or optuna.pruners.NopPruner(),
            direction="maximize" if tune.mode == "max" else "minimize",
            load_if_exists=True,
        )
        self._live: dict[int, Trial] = {}
        self._exhausted = False
        self._interrupted = [t.number for t in self.trials(TrialState.RUNNING)]

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given into its snapshot, which is never read back

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The study's trials in those states (default: all)."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    @property
    def remaining(self) -> int:
        """How many trials are still to be run, interrupted ones included."""
        return max(self.tune.num_trials - len(self.trials()), 0) + len(self._interrupted)

    def next_task(self) -> Task | None:
        """The next trial: an interrupted one under its old number, else a new one; None when all are handed out."""
        if self._interrupted:
            number = self._interrupted.pop(0)
            trial = Trial(self.study, self.trials()[number]._trial_id)
        elif len(self.trials()) < self.tune.num_trials and not self._exhausted:
            trial = self.study.ask()
        else:
            return None
        suggest = from_trial(trial)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            config = self.space.sample(suggest)
        self._live[trial.number] = trial
        seed = random.Random(f"{self.seed}/{trial.number}").getrandbits(31)
        text = dump({**self.space.sample(suggest, portable=True), "seed": seed})
        return Task(trial.number, dict(trial.params), {**config, "seed": seed}, text, seed)

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
        if reason:
            trial.set_user_attr("reason", reason)
            trial.set_user_attr("detail", detail)
        try:
            self.study.tell(trial, value if state == TrialState.COMPLETE else None, state=state)
        except RuntimeError:
            # Grid and brute-force samplers call study.stop() once they are through, after the trial is told.
            if not self.trials()[number].state.is_finished():
                raise
            self._exhausted = True
        self._tidy(number, state, reason, value)

    def trial_folder(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:04d}"

    def publish_best(self) -> None:
        """Make `best/` the best finished trial's model folder, if that trial left one."""
        best = self.best()
        if best is None or not (source := self.trial_folder(best.number)).joinpath("weights.pt").exists():
            return
        published = self.folder / "best" / "metrics.json"
        known = json.loads(published.read_text()) if published.exists() else {}
        if known.get("trial") == best.number:
            return
        metrics = json.loads((source / "metrics.json").read_text())
        write_json(source / "metrics.json", {"trial": best.number, **metrics})
        model_folder.publish(source, self.folder / "best")

    def _tidy(self, number: int, state: TrialState, reason: str, value: float | None) -> None:
        folder = self.trial_folder(number)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        meta = folder / "meta.json"
        if meta.exists():
            entries = {"state": state.name, "reason": reason, "value": value, "ended": time.time()}
            write_json(meta, {**json.loads(meta.read_text()), **entries})
        self.publish_best()
        self._drop_weights(number)

    def _drop_weights(self, number: int) -> None:
        # Only the trial that just ended and the one that it pushed out can be beyond the best few.
        done = sorted(self.trials(TrialState.COMPLETE), key=_value, reverse=self.tune.mode == "max")
        kept = {trial.number for trial in done[: self.tune.keep]}
        pushed_out = [trial.number for trial in done[self.tune.keep : self.tune.keep + 1]]
        for each in {number, *pushed_out} - kept:
            for name in ("weights.pt", "predictions.json"):
                (self.trial_folder(each) / name).unlink(missing_ok=True)


def _value(trial: FrozenTrial) -> float:
    return trial.value if trial.value is not None else math.nan
