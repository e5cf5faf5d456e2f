"""Draws trials from a study: interrupted ones first, then initial points, then new ones; none that breaks a constraint,
and none twice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from raypose.reporting.roles import DUPLICATE, FINAL, INFEASIBLE, OF, REPEAT, ROLE, is_trial, role
from raypose.space import Space, from_params, from_trial
from raypose.space.grid import stored
from raypose.tuning.drawing.duplicates import AGAIN, CONFIGURATION, Tried
from raypose.tuning.drawing.limits import Limits
from raypose.tuning.drawing.turns import Turns

MOST_IN_A_ROW = 200  # draws that are not trained, before the search ends
INITIAL_POINT = "initial_point"  # the user attribute of a trial that is one: its index
EXHAUSTED = "exhausted"  # that of a study from which nothing new can be drawn: why


class Unpriced(Exception):
    """What a trial costs cannot be told, since it cannot be built."""

    def __init__(self, trial: Trial, why: str) -> None:
        super().__init__(why)
        self.trial = trial


class Draws:
    """The trials of a study, handed out one by one, `num_trials` in all. What breaks a constraint is told PRUNED with its
    violation, for the sampler to learn from, and does not count; nor does what an earlier trial has trained, which is told
    COMPLETE with the earlier values, if that has any. Told PRUNED, TPE draws fewer of them, but stays away from the best:
    its mean regret on tables of trainings (benchmarks/search_quality.py, 7 tables, 30 seeds) was 0.038 in place of 0.031.

    Raises:
        RayPoseError: (`next`) too many draws in a row broke a constraint.
        Unpriced: (`next`) a trial that cannot be held against the constraints; it is still to be told.

    Example:
        >>> trial = draws.next()
        >>> draws.tell(trial, TrialState.COMPLETE, [0.5])
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: optuna.storages.BaseStorage,
        space: Space,
        num_trials: int,
        limits: Limits,
        seed: int = 0,
    ) -> None:
        self.study, self.space, self.num_trials, self.limits = study, space, num_trials, limits
        self.trial = storage.get_trial  # of one study, whose trials' ids are their numbers
        self._drawn = sum(map(is_trial, self.trials()))
        self._turns = Turns(study, space, seed)
        self._interrupted = [trial.number for trial in self.trials(TrialState.RUNNING)]
        self._refused: dict[int, str] = {}  # draws in a row that are not trained, and what they are
        self.tried = Tried(space, self.trials())

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The study's trials in those states (default: all), draws that broke a constraint included."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    @property
    def remaining(self) -> int:
        """How many trials are still to be run, interrupted ones included."""
        return self._new + self.begun

    @property
    def begun(self) -> int:
        """How many of them are in the study already: interrupted ones, and those that were added."""
        return len(self._interrupted)

    @property
    def interrupted(self) -> Sequence[int]:
        """Which these are."""
        return self._interrupted

    @property
    def exhausted(self) -> str:
        """Why nothing new can be drawn; empty while it can."""
        return self.study.user_attrs.get(EXHAUSTED, "")

    @property
    def missing(self) -> int:
        """How many are not drawn yet, whether they can be or not."""
        return max(self.num_trials - self._drawn, 0)

    @property
    def _new(self) -> int:
        return 0 if self.exhausted else self.missing

    def enqueue(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Try these first, in their order: values by dimension name, what they lack is sampled. Those that the study
        has from an earlier start are left."""
        dimensions = {each.name: each for each in self.space.dimensions}
        for index, point in enumerate(points):
            values = {name: stored(dimensions[name], value) for name, value in point.items()}
            self.study.enqueue_trial(values, {INITIAL_POINT: index}, skip_if_exists=True)

    def add(self, params: Mapping[str, Any], what: str, of: int, /, **attrs: Any) -> int:
        """Have known values trained (again), in the role `what`, before any new ones; returns the trial's number.

        One of the user attributes `attrs` may be `params`, which is a cost.
        """
        known = self.trial(of)
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=dict(params),
            distributions={name: known.distributions[name] for name in params},
            user_attrs={ROLE: what, OF: of, **attrs},
        )
        self.study.add_trial(template)
        self._interrupted.append(number := len(self.trials()) - 1)
        return number

    def take_back(self, numbers: Iterable[int]) -> None:
        """Have trials that were handed out, and are not finished, handed out again."""
        self._interrupted = sorted({*self._interrupted, *numbers})

    def next(self, new: bool = True) -> Trial | None:
        """The next trial, sampled; None when all are handed out. `new=False`: of those that the study has already."""
        while (trial := self._ask(new)) is not None:
            with self._turns.sampling(sampler := self._turns.sampler(self._refused.values())):
                self.space.sample(from_trial(trial))
            if self._admits(trial):
                self._refused.clear()
                return trial
            if len(self._refused) == MOST_IN_A_ROW:
                self._give_up(f"{MOST_IN_A_ROW} draws in a row gave no new configuration")
            elif sampler is self._turns.thorough and self._is_known(trial):
                self._give_up("every configuration of the space has been tried")
        if INFEASIBLE in self._refused.values() and not self._drawn:
            self._give_up("")
        return None

    def tell(
        self,
        trial: Trial,
        state: TrialState,
        values: Sequence[float] | None = None,
        reason: str = "",
        detail: str = "",
    ) -> None:
        """Tell the study how a trial ended, and why if it failed."""
        if reason or "reason" in trial.user_attrs:  # told by a process that was killed in between
            trial.set_user_attr("reason", reason)
            trial.set_user_attr("detail", detail)
        if self.exhausted and reason in AGAIN:
            self.study.set_user_attr(EXHAUSTED, "")  # this one may be tried again
        try:
            with self._aside(trial.number):
                self.study.tell(trial, values, state=state)
        except RuntimeError:
            # Grid and brute-force samplers call study.stop() once they are through, after the trial is told.
            if not self.trial(trial.number).state.is_finished():
                raise
            self.study.set_user_attr(EXHAUSTED, f"{type(self.study.sampler).__name__} has tried all that it has to try")

    def _ask(self, new: bool) -> Trial | None:
        if self._interrupted:
            trial = self.trial(self._interrupted.pop(0))
            with self._aside(trial.number):
                return Trial(self.study, trial._trial_id)
        if not (new and self._new):
            return None
        self._drawn += 1
        return self.study.ask()

    def _aside(self, number: int) -> contextlib.AbstractContextManager[None]:
        """What is trained again, the study's sampler hears nothing of: GridSampler would count it as another point."""
        again = role(self.trial(number)) in (REPEAT, FINAL)
        return self._turns.sampling(self._turns.random) if again else contextlib.nullcontext()

    def _admits(self, trial: Trial) -> bool:
        if role(drawn := self.trial(trial.number)) in (REPEAT, FINAL):
            return True
        digest = drawn.user_attrs.get(CONFIGURATION) or self.tried.digest(drawn.params)
        earlier = self.tried.earlier(digest, self.trial)
        if earlier is not None and earlier != trial.number:
            return self._refuse(trial, DUPLICATE, {OF: earlier}, like=self.trial(earlier))
        try:
            config = self.space.sample(from_params(drawn.params)) if self.limits.constraints else {}
            violations = self.limits.judge(trial, config)
        except Exception as error:
            raise Unpriced(trial, f"{type(error).__name__}: {error}") from error
        if any(violation > 0 for violation in violations.values()):
            return self._refuse(trial, INFEASIBLE)
        if CONFIGURATION not in drawn.user_attrs:
            trial.set_user_attr(CONFIGURATION, digest)
        self.tried.put(digest, trial.number)
        return True

    def _refuse(
        self, trial: Trial, what: str, attrs: Mapping[str, Any] | None = None, like: FrozenTrial | None = None
    ) -> bool:
        """Tell a draw that is not trained; what a finished one came to, one `like` it would, too."""
        self._refused[trial.number] = what
        self._drawn -= is_trial(self.trial(trial.number))
        for name, value in {ROLE: what, **(attrs or {})}.items():
            trial.set_user_attr(name, value)
        if like is None or like.state != TrialState.COMPLETE:
            self.tell(trial, TrialState.PRUNED)
            return False
        for text in like.constraints.keys() - trial.constraints.keys():
            trial.set_constraint(text, like.constraints[text])
        self.tell(trial, TrialState.COMPLETE, like.values)
        return False

    def _is_known(self, trial: Trial) -> bool:
        """Whether another one has the same values: what tries all in turn has begun again."""
        return any(each.params == trial.params for each in self.trials() if each.number != trial.number)

    def _give_up(self, why: str) -> None:
        """Nothing new is drawn any more.

        Raises:
            RayPoseError: since there is nothing within the constraints.
        """
        if set(self._refused.values()) == {INFEASIBLE}:
            raise self.limits.unmet([self.trial(number) for number in self._refused])
        self.study.set_user_attr(EXHAUSTED, why)
