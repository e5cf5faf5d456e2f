"""What people see of a running search: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.live import Live

from raypose.reporting.board import board, line
from raypose.reporting.followed import Lengths, since
from raypose.reporting.outcomes import breaks
from raypose.reporting.roles import DUPLICATE, INFEASIBLE, OF, role
from raypose.reporting.snapshot import Snapshot
from raypose.tuning.drawing.draws import INITIAL_POINT
from raypose.tuning.drawing.limits import cost_of
from raypose.tuning.onlookers import Onlooker
from raypose.tuning.search_state import SearchState


class Progress(Onlooker):
    """Shows how the search is; a quiet console is shown nothing at all."""

    every = 0.5

    def __init__(self, state: SearchState, console: Console) -> None:
        super().__init__()
        self.state, self.console = state, console
        self.latest: dict[int, dict[str, Any]] = {}
        self.told = {trial.number for trial in state.trials() if trial.state.is_finished()}
        self.live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._lengths = Lengths(state.folder)

    def setup(self, *args: Any, **info: Any) -> None:
        if self.live is not None and not self.console.quiet:
            self.live.start()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self.latest[trial.config["number"]] = result

    def look(self, trials: list[Any]) -> None:
        if not self.console.quiet:
            self._show()

    def leave(self) -> None:
        """Take the live table away."""
        if self.live is not None:
            self.live.stop()

    def snapshot(self) -> Snapshot:
        """The search as it is now."""
        state, trials = self.state, self.state.trials()
        running = [trial.number for trial in trials if trial.state == TrialState.RUNNING]
        return Snapshot(
            trials,
            state.goals,
            state.tune.num_trials,
            self.latest,
            {number: self._lengths.of(number) for number in running},
            since(state.folder),
            budget=state.budget.left(),
            timed=state.tune.time_budget is not None,
            repeat_best=state.standing.repeat_best,
        )

    def _show(self) -> None:
        snapshot = self.snapshot()
        for trial in snapshot.trials:
            if INITIAL_POINT in trial.user_attrs and role(trial) in (INFEASIBLE, DUPLICATE):
                self._tell(trial.number, _refused(trial))
        if self.live is not None:
            self.live.update(board(snapshot, self.console), refresh=True)
            return
        for each in snapshot.ended:
            if each.number not in self.told:
                self._tell(each.number, line(each, snapshot))

    def _tell(self, number: int, text: str) -> None:
        if number not in self.told:
            self.told.add(number)
            self.console.out(text, highlight=False)


def _refused(trial: FrozenTrial) -> str:
    cost = ", ".join(f"{name} {value:.3g}" for name, value in cost_of(trial).items())
    which = trial.user_attrs[INITIAL_POINT] + 1
    if role(trial) == DUPLICATE:
        return f"initial point {which} is not tried: trial {trial.user_attrs[OF]} has the same configuration"
    return f"initial point {which} is not tried: it breaks {', '.join(breaks(trial))} ({cost})"
