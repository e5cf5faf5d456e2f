"""The generations of a population, in its study: who is compared, and who goes on from whom. Knows nothing of Ray."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from raypose.check.mutations import NAME, mutated
from raypose.config import leading
from raypose.errors import RayPoseError
from raypose.files import write_text
from raypose.reporting.epochs import CHANGED, INHERITED, epochs
from raypose.reporting.records import params
from raypose.reporting.roles import is_trial
from raypose.space import Space, from_params
from raypose.tuning.search_state import SearchState
from raypose.tuning.stopping.population import Clone, Member, PopulationBasedTraining

GENERATION = (
    "generation "  # of the user attributes of a study: one for each comparison, who was compared and who inherits
)
LINEAGE = "lineage"  # of a trial: a list of {epoch, from, params}, what it went on from, where, and with which values
# Of a trial's folder, what a clone has from its parent; what its config.yaml and lineage.jsonl say is its own.
FILES = ("metrics.jsonl", "weights.pt", "metrics.json", "predictions.json")
FOLDERS = ("checkpoints", "samples")


class Generations:
    """The comparisons of a population. Each is written into the study before anything of it is done, so that a search that
    was killed in between does the rest, and decides alike.

    Raises:
        RayPoseError: `mutate` names no dimension of the space, or one that may not change.

    Example:
        >>> generations = Generations(state, PopulationBasedTraining(mutate=["lr"]))
        >>> generations.waits(3)  # it has come to an epoch where the population is compared
        True
        >>> generations.advance(running=[])  # all have: trial 3 goes on from another one
        [3]
    """

    def __init__(self, state: SearchState, settings: PopulationBasedTraining) -> None:
        self.state, self.settings = state, settings
        self.mutated = mutated(state.space, settings.mutate)
        attrs = state.study.user_attrs
        known = sorted((key for key in attrs if key.startswith(GENERATION)), key=lambda key: int(key.split()[1]))
        self._compared: dict[int, int] = {}
        for key in known:
            self._compared |= {int(number): epoch for number, epoch in attrs[key]["members"].items()}
        self._count = len(known)
        if known:
            self._inherit(attrs[known[-1]])

    def waits(self, number: int) -> bool:
        """Whether a trial has come to an epoch where the population is compared, and was not."""
        return self.settings.waits(self._member(self.state.trial(number)))

    def epoch(self, number: int) -> int:
        """The last epoch of a trial."""
        return max(epochs(self.state.trial(number)), default=0)

    def advance(self, running: Collection[int]) -> list[int]:
        """Compare the population if it is time for that: if none of those that are due is `running`, and none is to come.
        Returns who goes on from another trial."""
        if self.state.remaining > self.state.draws.begun:
            return []
        members = [self._member(each) for each in self.state.trials(TrialState.RUNNING) if is_trial(each)]
        group = self.settings.due(members)
        if not group or any(member.number in running for member in group):
            return []
        clones = self.settings.clones(group, self.mutated, self.state.seed)
        generation = {
            "members": {str(member.number): member.epoch for member in group},
            "clones": [{"number": c.number, "from": c.parent, "params": self._within(c, members)} for c in clones],
        }
        self.state.study.set_user_attr(f"{GENERATION}{self._count}", generation)
        self._count += 1
        self._compared |= {member.number: member.epoch for member in group}
        self._inherit(generation)
        return [clone.number for clone in clones]

    def _member(self, trial: FrozenTrial) -> Member:
        which = leading(self.state.goals)
        sign = 1 if self.state.goals[which].mode == "max" else -1
        values = {epoch: sign * values[which] for epoch, values in epochs(trial).items()}
        return Member(trial.number, values, params(trial), self._compared.get(trial.number, 0))

    def _within(self, clone: Clone, members: list[Member]) -> dict[str, Any]:
        """A clone's values; its parent's where they break a constraint."""
        limits = self.state.draws.limits
        if not limits.constraints:
            return clone.params
        costs = limits.price(self.state.space.sample(from_params(clone.params)))
        if all(violation <= 0 for violation in limits.violations(costs).values()):
            return clone.params
        return next(dict(member.params) for member in members if member.number == clone.parent)

    def _inherit(self, generation: dict[str, Any]) -> None:
        """Do what a generation says; what is done is not done again."""
        for each in generation["clones"]:
            trial, parent = (self.state.trial(each[key]) for key in ("number", "from"))
            epoch = generation["members"][str(trial.number)]
            lineage = trial.user_attrs.get(LINEAGE, [])
            if trial.state != TrialState.RUNNING or any(entry["epoch"] == epoch for entry in lineage):
                continue
            entry = {"epoch": epoch, "from": parent.number, "params": each["params"]}
            history = {str(epoch): list(values) for epoch, values in epochs(parent).items()}
            folder = self.state.files.path(trial.number)
            copy(self.state.files.path(parent.number), folder)
            self.state.note(trial.number, **{INHERITED: history, CHANGED: each["params"]})
            write_text(folder / "config.yaml", self.state.task(trial.number).text)
            write_text(folder / "lineage.jsonl", "".join(f"{json.dumps(line)}\n" for line in [*lineage, entry]))
            self.state.note(trial.number, **{LINEAGE: [*lineage, entry]})


def copy(parent: Path, clone: Path) -> None:
    """Make a trial's folder that of its parent, as far as a training goes on from it."""
    clone.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:
        shutil.rmtree(clone / name, ignore_errors=True)
        if (parent / name).is_dir():
            shutil.copytree(parent / name, clone / name, ignore=shutil.ignore_patterns("*.tmp"))
    for name in FILES:
        (clone / name).unlink(missing_ok=True)
        if (parent / name).exists():
            shutil.copy2(parent / name, clone / name)


def shortage(state: SearchState) -> str:
    """Why a population stays smaller than `tune.num_trials`, once that is known; else empty.

    Raises:
        RayPoseError: there is nothing left to compare.

    Example:
        >>> shortage(state)
        'the population has 3 of 8 trials: every configuration of the space has been tried'
    """
    if not state.draws.missing or not state.draws.exhausted:
        return ""
    count = sum(map(is_trial, state.trials()))
    told = f"the population has {count} of {state.tune.num_trials} trials: {state.draws.exhausted}"
    if count < 2:
        hint = "give the space more configurations, leave out --warm-start, or take another scheduler"
        raise RayPoseError(
            f"{NAME} needs 2 trials at least, but {told}", hint=hint, rule="small-population", exit_status=1
        )
    return told


def refuse(settings: Any, space: Space, num_trials: int) -> None:
    """What `raypose check` says of population-based training, for spaces that it has not seen; of other schedulers nothing.

    Raises:
        RayPoseError: `mutate` does not fit the space, or there is no population.
    """
    if isinstance(settings, PopulationBasedTraining):
        mutated(space, settings.mutate)
        if num_trials < 2:
            raise RayPoseError(f"{NAME} needs 2 trials at least, but got {num_trials}", rule="wrong-value")
