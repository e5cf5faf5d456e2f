"""What people see of a running search: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Any

from optuna.trial import TrialState
from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from raypose.reporting.leaderboard import describe, duration, leaderboard
from raypose.reporting.records import Record, ranked, record
from raypose.tuning.search_state import SearchState

REFRESH = 0.5  # seconds between two looks at the study
SHOWN = 5


class Progress(Callback):
    """Ray Tune calls it at every step. `quiet` shows nothing at all."""

    def __init__(self, state: SearchState, console: Console, quiet: bool = False) -> None:
        self.state, self.console, self.quiet = state, console, quiet
        self.latest: dict[int, dict[str, Any]] = {}
        self.told: set[int] = {trial.number for trial in state.trials() if trial.state.is_finished()}
        self.finished_before = len(self.told)
        self.live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._looked, self._started = 0.0, time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given into its snapshot, which is never read back

    def setup(self, *args: Any, **info: Any) -> None:
        self._started = time.monotonic()
        if self.live is not None and not self.quiet:
            self.live.start()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self.latest[trial.config["number"]] = result

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if time.monotonic() - self._looked < REFRESH or self.quiet:
            return
        self._looked = time.monotonic()
        self._show()

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        if not self.quiet:
            self._show()
        self.stop()

    def stop(self) -> None:
        """Take the live table away."""
        if self.live is not None:
            self.live.stop()

    def _show(self) -> None:
        maximize = self.state.tune.mode == "max"
        records = [record(trial, maximize) for trial in self.state.trials()]
        if self.live is not None:
            self.live.update(self._table(records), refresh=True)
            return
        for each in records:
            if each.state not in ("RUNNING", "WAITING") and each.number not in self.told:
                self.told.add(each.number)
                self.console.print(self._line(each, records), highlight=False, markup=False, soft_wrap=True)

    def _line(self, each: Record, records: list[Record]) -> str:
        value = "-" if each.value is None else f"{each.value:.4g}"
        why = f" ({each.reason}: {each.detail.splitlines()[-1]})" if each.detail else ""
        return (
            f"trial {each.number} {each.state} {self.state.tune.metric} {value} after {each.epochs} epochs{why} | "
            f"{describe(each.params)} | {self._summary(records)}"
        )

    def _summary(self, records: list[Record]) -> str:
        done = [each for each in records if each.state not in ("RUNNING", "WAITING")]
        best, total = self.state.best(), self.state.tune.num_trials
        parts = [f"{len(done)}/{total} trials"]
        for state, word in (("PRUNED", "pruned"), ("FAIL", "failed")):
            if count := sum(each.state == state for each in done):
                parts.append(f"{count} {word}")
        if best is not None:
            parts.append(f"best {self.state.tune.metric} {best.value:.4g} (trial {best.number})")
        elapsed, here = time.monotonic() - self._started, len(done) - self.finished_before
        parts.append(f"{duration(elapsed)} elapsed")
        if here and len(done) < total:
            parts.append(f"about {duration(elapsed / here * (total - len(done)))} left")
        return ", ".join(parts)

    def _table(self, records: list[Record]) -> Group:
        running = Table(box=None, pad_edge=False, header_style="bold")
        running.add_column("trial", justify="right", no_wrap=True)
        for heading in ("epoch", self.state.tune.metric, "best"):
            running.add_column(heading, justify="right", no_wrap=True)
        running.add_column("running now", overflow="ellipsis", no_wrap=True)
        for each in records:
            if each.state == TrialState.RUNNING.name:
                now = self.latest.get(each.number, {}).get(self.state.tune.metric)
                cells = ["" if value is None else f"{value:.4g}" for value in (now, each.value)]
                running.add_row(str(each.number), str(each.epochs), *cells, escape(describe(each.params)))
        finished = ranked([each for each in records if each.state == "COMPLETE"], self.state.tune.mode == "max")
        summary = Text(self._summary(records), style="bold")
        return Group(summary, "", running, "", leaderboard(finished[:SHOWN], self.state.tune.metric))
