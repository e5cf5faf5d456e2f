"""What the trials of a study are: those that a search was asked for, and others, which do not count as such."""

from __future__ import annotations

from typing import Any

# The user attributes that say so, and what they belong to: a trial's number, or another experiment's name and number.
ROLE, OF = "role", "of"

TRIAL = "trial"  # counts as one of `tune.num_trials`
WAITING = "waiting"  # an initial point that is not handed out yet
INFEASIBLE = "infeasible"  # a draw that breaks a constraint on its cost: never trained, learnt from
DUPLICATE = "duplicate"  # a draw of a configuration that an earlier trial has: never trained
IMPORTED = "imported"  # a finished trial of another experiment: learnt from
REPEAT = "repeat"  # one of the best trials again, with another seed
FINAL = "final"  # the winner again


def role(trial: Any) -> str:
    """The role of an Optuna trial."""
    return WAITING if trial.state.name == "WAITING" else trial.user_attrs.get(ROLE, TRIAL)


def is_trial(trial: Any) -> bool:
    """Whether an Optuna trial is one that the search was asked for, and handed out."""
    return role(trial) == TRIAL


TRAINED = (TRIAL, REPEAT, FINAL)  # the roles of what is trained
