"""What a search came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from optuna.trial import TrialState

from raypose.reporting.asides import asides
from raypose.reporting.infeasible import Infeasible
from raypose.reporting.pareto import front
from raypose.reporting.records import Record, final, load_records, winner
from raypose.reporting.roles import is_trial
from raypose.tuning.search_state import SearchState
from raypose.tuning.stopping.schedulers import why_not_resumed


@dataclass(frozen=True)
class SearchResult:
    """Where the experiment lies, its trials (the best first), the signal that ended it early, if one did, and how many
    draws broke a constraint. `stopped` is why it ended before its last trial, if no signal did that, and `change` what a
    resume needs to go on, as options of `raypose tune`; None where nothing would make it. `front` is the Pareto front, where
    there are several objectives, the best in the first one first; `asides` are lines about what else the study has."""

    folder: Path
    records: list[Record]
    interrupted: int | None = None
    infeasible: Infeasible = field(default_factory=Infeasible)
    stopped: str = ""
    front: list[Record] = field(default_factory=list)
    change: str | None = None
    asides: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, state: SearchState, interrupted: int | None) -> SearchResult:
        """That of a search that has ended, as its study says."""
        records, infeasible = load_records(state.folder)
        stopped, change = ended(state) if interrupted is None else ("", None)
        return cls(
            state.folder, records, interrupted, infeasible, stopped, front(records, state.goals), change,
            asides(state.trials(), state.goals),
        )  # fmt: skip

    @property
    def best(self) -> Record | None:
        """The best finished trial."""
        return winner(self.records)

    @property
    def final(self) -> Record | None:
        """The winner's last training, if there was one: finished, or failed."""
        return final(self.records)


def ended(state: SearchState) -> tuple[str, str | None]:
    """Why a search ended before its last trial, and what a resume needs to go on; None where it would be refused."""
    if state.over is None:
        return "", None
    begun = any(map(is_trial, state.trials(TrialState.RUNNING)))
    reason = why_not_resumed(state.tune.scheduler)
    if reason and (begun or (state.draws.missing and state.over.change is not None)):
        return f"{state.over.why}; {reason}", None
    return state.stopped, state.over.change
