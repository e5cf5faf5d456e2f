"""What people see of a running search: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from raypose.reporting.infeasible import Infeasible
from raypose.reporting.leaderboard import describe, leaderboard
from raypose.reporting.outcomes import breaks
from raypose.reporting.records import Record, ranked, records
from raypose.reporting.roles import DUPLICATE, FINAL, INFEASIBLE, OF, REPEAT, TRIAL, is_trial, role
from raypose.reporting.words import counted, duration
from raypose.tuning.drawing.draws import INITIAL_POINT
from raypose.tuning.drawing.limits import cost_of
from raypose.tuning.search_state import SearchState
from raypose.tuning.snapshots import PickledEmpty

REFRESH = 0.5  # seconds between two looks at the study
SHOWN = 5


class Progress(PickledEmpty, Callback):
    """Ray Tune calls it at every step. A quiet console is shown nothing at all."""

    def __init__(self, state: SearchState, console: Console) -> None:
        self.state, self.console = state, console
        self.latest: dict[int, dict[str, Any]] = {}
        finished = [trial for trial in state.trials() if trial.state.is_finished()]
        self.told: set[int] = {trial.number for trial in finished}
        self.finished_before = sum(map(is_trial, finished))
        self.live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._looked, self._started = 0.0, time.monotonic()

    def setup(self, *args: Any, **info: Any) -> None:
        self._started = time.monotonic()
        if self.live is not None and not self.console.quiet:
            self.live.start()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self.latest[trial.config["number"]] = result

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if time.monotonic() - self._looked < REFRESH or self.console.quiet:
            return
        self._looked = time.monotonic()
        self._show()

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        if not self.console.quiet:
            self._show()
        self.stop()

    def stop(self) -> None:
        """Take the live table away."""
        if self.live is not None:
            self.live.stop()

    def _show(self) -> None:
        trials = self.state.trials()
        known = records(trials, self.state.goals)
        infeasible = Infeasible.count(trials)
        for trial in trials:
            if INITIAL_POINT in trial.user_attrs and role(trial) in (INFEASIBLE, DUPLICATE):
                self._tell(trial.number, _refused(trial))
        if self.live is not None:
            self.live.update(self._table(known, infeasible), refresh=True)
            return
        for each in known:
            if each.state != "RUNNING":
                self._tell(each.number, self._line(each, known, infeasible))

    def _tell(self, number: int, line: str) -> None:
        if number not in self.told:
            self.told.add(number)
            self.console.out(line, highlight=False)

    def _line(self, each: Record, records: list[Record], infeasible: Infeasible) -> str:
        values = ", ".join(f"{name} {_short(each.values.get(name))}" for name in self._metrics)
        what = f"trial {each.number}{_again(each)} {each.state} {values}"
        why = f" ({each.why})" if each.why else ""
        why += f" (breaks {', '.join(each.breaks)})" if each.breaks else ""
        after = f"{counted(each.epochs, 'epoch')}{why}"
        return f"{what} after {after} | {describe(each.params)} | {self._summary(records, infeasible)}"

    @property
    def _metrics(self) -> list[str]:
        return [goal.metric for goal in self.state.goals]

    def _summary(self, records: list[Record], infeasible: Infeasible) -> str:
        done = [each for each in records if each.state != "RUNNING" and each.role == TRIAL]
        best, total = self.state.best(), self.state.tune.num_trials
        parts = [f"{len(done)}/{total} trials"]
        for what, word in ((REPEAT, "repeats"), (FINAL, "final trainings")):
            if again := [each for each in records if each.role == what]:
                parts.append(f"{sum(each.state != 'RUNNING' for each in again)}/{len(again)} {word}")
        for state, word in (("PRUNED", "pruned"), ("FAIL", "failed")):
            if count := sum(each.state == state for each in done):
                parts.append(f"{count} {word}")
        if infeasible:
            parts.append(f"{infeasible.draws} not within the constraints")
        if same := sum(role(trial) == DUPLICATE for trial in self.state.trials()):
            parts.append(f"{counted(same, 'duplicate')} not trained")
        if broke := sum(bool(each.breaks) for each in done):
            parts.append(f"{broke} that break{'s' if broke == 1 else ''} a constraint")
        if self.state.standing.front.numbers:
            parts.append(f"{len(self.state.standing.front.numbers)} on the Pareto front")
        if best is not None:
            parts.append(f"best {self.state.goals[0].metric} {best.values[0]:.4g} (trial {best.number})")
        elapsed, here = time.monotonic() - self._started, len(done) - self.finished_before
        timed = self.state.tune.time_budget is not None  # then `left` begins with the time
        parts += ([] if timed else [f"{duration(self.state.budget.seconds)} elapsed"]) + (
            [left] if (left := self.state.budget.left()) else []
        )
        if here and len(done) < total:
            parts.append(f"about {duration(elapsed / here * (total - len(done)))} left")
        return ", ".join(parts)

    def _table(self, records: list[Record], infeasible: Infeasible) -> Group:
        running = Table(box=None, pad_edge=False, header_style="bold")
        running.add_column("trial", justify="right", no_wrap=True)
        for heading in ("epoch", self.state.goals[0].metric, "best"):
            running.add_column(heading, justify="right", no_wrap=True)
        running.add_column("running now", overflow="ellipsis", no_wrap=True)
        for each in records:
            if each.state == TrialState.RUNNING.name:
                now = self.latest.get(each.number, {}).get(self.state.goals[0].metric)
                cells = ["" if value is None else f"{value:.4g}" for value in (now, each.value)]
                running.add_row(
                    str(each.number), str(each.epochs), *cells, escape(describe(each.params) + _again(each))
                )
        complete = [each for each in records if each.state == "COMPLETE"]
        finished = ranked(complete, self.state.goals, self.state.standing.repeat_best)
        summary = Text(self._summary(records, infeasible), style="bold")
        return Group(summary, "", running, "", leaderboard(finished[:SHOWN], self._metrics))


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _again(each: Record) -> str:
    what = "final training" if each.role == FINAL else each.role
    return "" if each.role == TRIAL else f" ({what} of trial {each.of})"


def _refused(trial: FrozenTrial) -> str:
    cost = ", ".join(f"{name} {value:.3g}" for name, value in cost_of(trial).items())
    which = trial.user_attrs[INITIAL_POINT] + 1
    if role(trial) == DUPLICATE:
        return f"initial point {which} is not tried: trial {trial.user_attrs[OF]} has the same configuration"
    return f"initial point {which} is not tried: it breaks {', '.join(breaks(trial))} ({cost})"
