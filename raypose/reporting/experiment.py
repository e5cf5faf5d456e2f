"""An experiment folder as one object: what `raypose show`, the report and notebooks read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raypose import journal
from raypose.config import Goal
from raypose.files import read_json, read_json_lines
from raypose.reporting import frames
from raypose.reporting.asides import asides
from raypose.reporting.epochs import goals
from raypose.reporting.importance import Importance, importances
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.leaderboard import describe
from raypose.reporting.pareto import front
from raypose.reporting.records import Record, final, standings, winner
from raypose.reporting.roles import TRIAL
from raypose.reporting.sameness import Sameness
from raypose.reporting.words import counted, shown
from raypose.space import Space

if TYPE_CHECKING:
    import optuna
    import pandas


def load_experiment(path: str | Path) -> Experiment:
    """The experiment in a folder, finished or running, as it is now.

    Raises:
        RayPoseError: the folder is no experiment.

    Example:
        >>> experiment = raypose.load_experiment("experiments/quickstart")
        >>> experiment.trials.sort_values("AP").tail()
        >>> experiment.best.params
    """
    return Experiment(Path(path), journal.load_study(Path(path)))


@dataclass(frozen=True, repr=False)
class Experiment:
    """`study` is the Optuna study; what is read from files is read when it is first asked for."""

    folder: Path
    study: optuna.Study

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @cached_property
    def goals(self) -> tuple[Goal, ...]:
        """The objectives; the first is what `value` of a record means."""
        return goals(self.study)

    @cached_property
    def frozen_trials(self) -> list[Any]:
        """All of Optuna's trials, draws that were never trained included."""
        return self.study.get_trials(deepcopy=False)

    @cached_property
    def records(self) -> list[Record]:
        """What was trained, the best first; see `raypose.reporting.records.ranked`."""
        return standings(self.study)

    @property
    def own(self) -> list[Record]:
        """The search's own trials, without repeats and the final training."""
        return [each for each in self.records if each.role == TRIAL]

    @property
    def best(self) -> Record | None:
        return winner(self.records)

    @property
    def final(self) -> Record | None:
        return final(self.records)

    @property
    def front(self) -> list[Record]:
        """The Pareto front, where there are several objectives."""
        return front(self.records, self.goals)

    @cached_property
    def infeasible(self) -> Infeasible:
        return Infeasible.count(self.frozen_trials)

    @cached_property
    def sameness(self) -> Sameness:
        return Sameness.read(self.folder)

    @property
    def asides(self) -> list[str]:
        return asides(self.frozen_trials, self.goals)

    @cached_property
    def space(self) -> Space | None:
        """The space that it was started with, variables and paths as written; None where none is kept."""
        file = self.folder / "space.yaml"
        return Space.load(file, expand=False) if file.exists() else None

    @cached_property
    def _default(self) -> dict[str, Any]:
        return self.space.default() if self.space else {}

    def section(self, name: str) -> dict[str, Any]:
        """`training`, `tune`, ... as the space has it, with the defaults of its dimensions; empty where it says nothing."""
        return self._default.get(name) or {}

    def trial_folder(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:04d}"

    def curve(self, number: int) -> list[dict[str, Any]]:
        """A trial's epochs: `epoch` and every metric that it reported."""
        return read_json_lines(self.trial_folder(number) / "metrics.jsonl")[0]

    def meta(self, number: int) -> Mapping[str, Any]:
        return read_json(self.trial_folder(number) / "meta.json")

    @cached_property
    def importances(self) -> list[Importance]:
        """How much each dimension mattered for the leading objective, the largest first."""
        return importances(self)

    def described(self, record: Record, most: int = 10) -> str:
        """What a trial is, in a few words: of many dimensions the `most` important ones, and how many others there are."""
        if len(record.params) <= most:
            return describe(record.params)
        named = {each.name for each in [one for one in self.importances if one.name in record.params][:most]}
        told = describe({name: value for name, value in record.params.items() if name in named})
        return f"{told} and {len(record.params) - len(named)} more"

    @cached_property
    def trials(self) -> pandas.DataFrame:
        """A row for each trained trial, by its number: state, metrics of its best epoch, epochs, seconds, and a column for
        each dimension, empty where the trial's branch has none."""
        return frames.trials(self)

    @cached_property
    def curves(self) -> pandas.DataFrame:
        """A row for each epoch of each trial: `trial`, `epoch` and every metric that it reported."""
        return frames.curves(self)

    def __repr__(self) -> str:
        states = Counter(each.state for each in self.own)
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        best = f"; best: trial {self.best.number}, {shown(self.best.values)}" if self.best else ""
        return f"<Experiment {self.name}: {counted(len(self.own), 'trial')}{f' ({told})' if told else ''}{best}>"

    def _repr_html_(self) -> str:
        """In a notebook: what it is, and its best trials."""
        ranked = self.trials.loc[[each.number for each in self.own[:10]]]
        return f"<p>{escape(repr(self)[1:-1])}</p>{ranked.to_html()}"
