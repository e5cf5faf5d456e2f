"""Whether a search still gains, and whether it has what it was after: patience and a target value."""

from __future__ import annotations

from optuna.trial import FrozenTrial, TrialState

from raypose.config import Tune
from raypose.reporting.pareto import Front
from raypose.reporting.roles import is_trial
from raypose.space.constraints import Constraint
from raypose.tuning.ending.over import Over


class Gain:
    """The best trial so far, and how many have ended since without being better; with several objectives, without
    coming onto their front. Failed trials say nothing about what can be gained.

    Example:
        >>> gain = Gain(Tune(patience=20))
        >>> gain.ended(study.trials[3], good=True)
        >>> gain.over()
    """

    def __init__(self, tune: Tune) -> None:
        self.tune, self.goal = tune, tune.goals[0]
        self.since = 0
        self.reached_by: int | None = None  # the trial that has the target
        self._best: tuple[float, int] | None = None  # a value, and whose
        self._front = Front(tune.goals)
        # Whether a model meets a constraint on its metrics is known once it is trained.
        self._aims_early = all(Constraint.parse(text, None).is_static for text in tune.constraints)

    def epoch(self, trial: FrozenTrial, value: float) -> None:
        """A trial reported an epoch: the weights of its best one are kept, so that this may be what was wanted."""
        if self._aims_early:
            self._aim(trial, value)

    def ended(self, trial: FrozenTrial, good: bool) -> None:
        """A trial came to its end; `good`: it breaks no constraint."""
        if not is_trial(trial) or trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        self.since += 1
        if trial.state == TrialState.COMPLETE and good:
            self._aim(trial, trial.values[0])
            self.since = 0 if self._is_better(trial) else self.since

    def over(self) -> Over | None:
        """Why the search is over, if it is: what runs comes to its end."""
        tune = self.tune
        if self.reached_by is not None:
            why = f"the target {self.goal.metric} {tune.target:g} is reached by trial {self.reached_by}"
            return Over(why, drain=True, change="--set tune.target=null")
        if tune.patience is not None and self.since >= tune.patience:
            best = f": the best is still trial {self._best[1]}" if self._best else ""
            change = f"--set tune.patience={2 * tune.patience}"
            return Over(f"no gain in {tune.patience} trials{best}", drain=True, change=change)
        return None

    def _aim(self, trial: FrozenTrial, value: float) -> None:
        target = self.tune.target
        if target is not None and self.reached_by is None and is_trial(trial) and self._reaches(value, target):
            self.reached_by = trial.number

    def _reaches(self, value: float, other: float) -> bool:
        return value >= other if self.goal.mode == "max" else value <= other

    def _is_better(self, trial: FrozenTrial) -> bool:
        if len(self.tune.goals) > 1:
            return self._front.add(trial.number, trial.values)
        if self._best is not None and self._reaches(self._best[0], trial.values[0]):
            return False
        self._best = trial.values[0], trial.number
        return True
