"""What there is to say of a study besides its trials, in a line each: duplicates, what was taken over from other
experiments, which trials went on from others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raypose.config import Goal
from raypose.reporting.epochs import INHERITED
from raypose.reporting.outcomes import breaks
from raypose.reporting.roles import DUPLICATE, IMPORTED, OF, role
from raypose.reporting.words import counted


def asides(trials: Sequence[Any], goals: Sequence[Goal]) -> list[str]:
    """The lines about Optuna trials.

    Example:
        >>> asides(study.get_trials(), [Goal("AP", "max")])
        ['2 duplicates were not trained again', '12 trials taken over from first, the best with AP 0.71']
    """
    told = []
    if duplicates := sum(role(trial) == DUPLICATE for trial in trials):
        told.append(f"{counted(duplicates, 'duplicate')} {'were' if duplicates > 1 else 'was'} not trained again")
    if imported := [trial for trial in trials if role(trial) == IMPORTED]:
        names = dict.fromkeys(trial.user_attrs[OF].rpartition("/")[0] for trial in imported)
        told.append(f"{counted(len(imported), 'trial')} taken over from {', '.join(names)}{_best(imported, goals)}")
    if heirs := [str(trial.number) for trial in trials if INHERITED in trial.user_attrs]:
        which = f"trial{'s' if len(heirs) > 1 else ''} {', '.join(heirs)}"
        told.append(f"{which} went on from others on the way: lineage.jsonl in the trial's folder says from whom")
    return told


def _best(imported: Sequence[Any], goals: Sequence[Goal]) -> str:
    done = [trial.values[0] for trial in imported if trial.state.name == "COMPLETE" and not breaks(trial)]
    if not done:
        return ""
    return f", the best with {goals[0].metric} {(max if goals[0].mode == 'max' else min)(done):.4g}"
