"""How the finished trials of a search stand to each other, kept up as they end: asking costs no look at the study."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

from optuna.trial import FrozenTrial, TrialState

from raypose.config import Tune
from raypose.reporting.epochs import signed
from raypose.reporting.outcomes import breaks
from raypose.reporting.pareto import Front
from raypose.reporting.repeats import best_trial
from raypose.reporting.roles import FINAL, OF, REPEAT, TRIAL, role
from raypose.tuning.drawing.duplicates import AGAIN


class Standing:
    """The ranking of complete trials, with several objectives their front, and what was trained again.

    Example:
        >>> standing = Standing(Tune(metric="AP"), study.get_trials())
        >>> standing.best().number
        7
    """

    def __init__(self, tune: Tune, trials: Iterable[FrozenTrial] = ()) -> None:
        self.goals, self.front = tune.goals, Front(tune.goals)
        # Each that may win, once it is repeated, keeps its weights.
        self.repeat_best = tune.repeat_best if tune.repeats else 1
        self.few = max(tune.keep, self.repeat_best)
        self._better = max if self.goals[0].mode == "max" else min
        self._ranked: list[tuple[float, tuple[float, ...], int]] = []
        self._trials: dict[int, FrozenTrial] = {}
        self._repeats: dict[int, list[float]] = {}
        self._finals: list[int] = []
        # What failed in earlier starts of the search by no fault of its own.
        self.lost: set[int] = set()
        for trial in trials:
            self.add(trial)
            if trial.state == TrialState.FAIL and trial.user_attrs.get("reason") in AGAIN:
                self.lost.add(trial.number)

    def add(self, trial: FrozenTrial) -> list[int]:
        """Take in a trial that has ended; which of those that kept their weights need them no more, it among them."""
        before = {trial.number, *self._ranked_numbers(self.few), *self.front.numbers, *self._finals}
        if trial.state == TrialState.COMPLETE:
            self._take(trial)
        return sorted(before - self.kept())

    def _take(self, trial: FrozenTrial) -> None:
        what, broken = role(trial), breaks(trial)
        if what == TRIAL:
            self._trials[trial.number] = trial
            bisect.insort(self._ranked, (sum(broken.values()), signed(trial.values, self.goals), trial.number))
            if len(self.goals) > 1 and not broken:
                self.front.add(trial.number, trial.values)
        elif what == REPEAT:
            self._repeats.setdefault(trial.user_attrs[OF], []).append(trial.values[0])
        elif what == FINAL:
            self._finals.append(trial.number)

    def top(self, count: int | None = None) -> list[FrozenTrial]:
        """The best trials (default: all of them) by their own values, the best one first; none that breaks a constraint."""
        good = (number for broken, _, number in self._ranked[:count] if not broken)
        return [self._trials[number] for number in good]

    def best(self) -> FrozenTrial | None:
        """The best trial by the mean of its runs, of those that were repeated and those that are to be."""
        repeated = [self._trials[number] for number in self._repeats if not breaks(self._trials[number])]
        candidates = {trial.number: trial for trial in [*self.top(self.repeat_best), *repeated]}
        by_own = sorted(candidates.values(), key=lambda trial: (signed(trial.values, self.goals), trial.number))
        return best_trial(by_own, self._repeats, self._better)

    @property
    def final(self) -> int | None:
        """The last final training."""
        return self._finals[-1] if self._finals else None

    def kept(self) -> set[int]:
        """The trials that keep their weights."""
        return {*self._ranked_numbers(self.few), *self._repeats, *self._finals[-1:], *self.front.numbers}

    def _ranked_numbers(self, count: int) -> list[int]:
        return [number for _, _, number in self._ranked[:count]]
