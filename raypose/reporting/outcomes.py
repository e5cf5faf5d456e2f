"""Trials that came to their end and break a constraint on their metrics: they are never the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raypose.reporting.records import Record

OUTCOMES = "outcomes"  # the user attribute of a trial: the metrics that constraints name


def breaks(trial: Any) -> dict[str, float]:
    """The constraints that an Optuna trial or draw breaks, and by how much, in parts of their bounds."""
    return {text: violation for text, violation in trial.constraints.items() if violation > 0}


def unmet(records: Iterable[Record]) -> str:
    """Why no finished trial is the best one: which constraints they break, and who is nearest; empty if one meets all.

    Example:
        >>> unmet(records)
        "no trial meets 'AP >= 0.6': the nearest is trial 3 with AP 0.55"
    """
    done = [each for each in records if each.state == "COMPLETE"]
    if not done or not all(each.breaks for each in done):
        return ""
    by_all = [text for text in done[0].breaks if all(text in each.breaks for each in done)]
    if not by_all:
        texts = sorted({text for each in done for text in each.breaks})
        nearest = min(done, key=lambda each: sum(each.breaks.values()))
        return f"no trial meets all of {_quoted(texts)}: {_told(nearest)}"
    return "; ".join(
        f"no trial meets {_quoted([text])}: {_told(min(done, key=lambda each: each.breaks[text]))}" for text in by_all
    )


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _told(nearest: Record) -> str:
    values = ", ".join(f"{name} {value:.4g}" for name, value in nearest.outcomes.items())
    return f"the nearest is trial {nearest.number}" + (f" with {values}" if values else "")
