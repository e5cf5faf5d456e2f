"""What a search took, and what early stopping saved, in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from raypose.reporting.records import Record
from raypose.reporting.words import counted, spoken

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment


def saved(experiment: Experiment) -> Iterable[str]:
    """How many epochs were trained of all that there would have been without early stopping."""
    stopped = [each for each in experiment.own if each.state == "PRUNED"]
    if not stopped:
        return
    trained = sum(each.epochs for each in experiment.own)
    longest = max((each.epochs for each in experiment.own if each.state == "COMPLETE"), default=0)
    usual = experiment.section("training").get("epochs", longest)
    ahead = sum(max(_length(each, usual) - each.epochs, 0) for each in stopped)
    told = f"{len(stopped)} of {counted(len(experiment.own), 'trial')} {_were(len(stopped))} stopped early"
    share = f", {ahead / (trained + ahead):.0%} less" if ahead else ""
    yield f"{told}: {trained} epochs were trained in place of {trained + ahead}{share}."


def _length(record: Record, usual: int) -> int:
    """The epochs of a trial that is not stopped; they may be searched."""
    own = record.params.get("training.epochs", usual)
    return int(own) if str(own).isdigit() else usual


def took(experiment: Experiment) -> Iterable[str]:
    """How long, with the pauses of a search that was resumed, and how long all trials together."""
    total = sum(each.seconds or 0.0 for each in experiment.records)
    if total:
        wall, together = about(span(experiment)), about(total)
        yield f"It took {wall} from the first start to the last end, {together} of all trials together."


def span(experiment: Experiment) -> float:
    """Seconds from the first start of what was trained to its last end; 0 where nothing has ended."""
    numbers = {each.number for each in experiment.records}
    known = [trial for trial in experiment.frozen_trials if trial.number in numbers]
    begun = [trial.datetime_start for trial in known if trial.datetime_start]
    ended = [trial.datetime_complete for trial in known if trial.datetime_complete]
    return (max(ended) - min(begun)).total_seconds() if begun and ended else 0.0


def about(seconds: float) -> str:
    """In words, to the second, from an hour on to the minute."""
    return spoken(round(seconds) if seconds < 3600 else 60 * round(seconds / 60))


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
