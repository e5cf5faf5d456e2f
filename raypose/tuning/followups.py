"""What a search trains once its own trials are done: the best ones again with other seeds, then the winner once more."""

from __future__ import annotations

from collections import Counter

from optuna.trial import FrozenTrial

from raypose.reporting.epochs import CHANGED
from raypose.reporting.roles import FINAL, OF, REPEAT, role
from raypose.tuning.drawing.duplicates import CONFIGURATION
from raypose.tuning.drawing.limits import cost_of
from raypose.tuning.search_state import SearchState

KEPT = (CHANGED, CONFIGURATION)  # what else the study says of a trial that holds of its repeats


def more(state: SearchState) -> bool:
    """Whether anything is left to run. Once the search's own trials are done, their repeats are put into the study, as far
    as they are missing; once those are done, the final training.

    Example:
        >>> while more(state):
        ...     session.run()
    """
    if state.halted:
        return False
    for add in (_repeats, _final):
        if not state.remaining:
            add(state)
    return state.remaining > 0


def _repeats(state: SearchState) -> None:
    """One of each trial after the other, so that a search that ends before the last one has treated them alike."""
    known = Counter(_done(state, REPEAT))
    best = state.standing.top(state.tune.repeat_best)
    for nth in range(state.tune.repeats):
        for trial in best:
            if known[trial.number] <= nth:
                _again(state, trial, REPEAT)


def _final(state: SearchState) -> None:
    winner = state.best() if state.tune.final else None
    if winner is not None and winner.number not in _done(state, FINAL):
        _again(state, winner, FINAL)


def _again(state: SearchState, trial: FrozenTrial, what: str) -> None:
    attrs = {name: trial.user_attrs[name] for name in KEPT if name in trial.user_attrs}
    state.files.clear(state.draws.add(trial.params, what, trial.number, **attrs, **cost_of(trial)))


def _done(state: SearchState, what: str) -> list[int]:
    """Which trials were trained again. What was lost with its worker in an earlier start does not count; in this one it
    does, else a search would never end."""
    again = (trial for trial in state.trials() if role(trial) == what)
    return [trial.user_attrs[OF] for trial in again if trial.number not in state.standing.lost]
