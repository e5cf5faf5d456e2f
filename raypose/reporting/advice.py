"""What to try next, as far as a finished search tells, in sentences."""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from raypose.config import leading
from raypose.reporting.records import Record, is_candidate
from raypose.reporting.words import brief
from raypose.space import Range

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment

EDGE = 0.1  # of a range, at either end
BEST = 3  # trials that must agree: of one alone, one range in five is at an edge by chance


def advice(experiment: Experiment) -> Iterable[str]:
    """Where the best trials lie at the edge of a range, so that a wider one may hold better ones; nothing where they
    are best in an objective that is a cost."""
    if leading(experiment.goals):
        return ()
    return filter(None, (_edge(experiment, each) for each in experiment.space.dimensions) if experiment.space else ())


def go_on(experiment: Experiment) -> str:
    """The command that adds as many trials as there are; empty without a space file.

    Example:
        >>> go_on(load_experiment("experiments/quickstart"))
        'raypose tune experiments/quickstart/space.yaml --resume --num-trials 36'
    """
    file, parent = experiment.folder / "space.yaml", experiment.folder.parent
    if not file.exists():
        return ""
    where = [] if str(parent) == "experiments" else ["--experiments", str(parent)]
    return shlex.join(["raypose", "tune", str(file), *where, "--resume", "--num-trials", str(2 * len(experiment.own))])


def _edge(experiment: Experiment, dimension: Any) -> str:
    best, name = experiment.best, dimension.name
    having = [each for each in experiment.own if is_candidate(each) and name in each.params][:BEST]
    if best is None or best not in having or len(having) < BEST or not isinstance(dimension, Range):
        return ""
    places, value = [_place(dimension, each) for each in having], best.params[name]
    for end, edge, distances in (("lower", dimension.low, places), ("upper", dimension.high, [1 - x for x in places])):
        natural = edge == 0 or (edge == 1 and end == "lower" and dimension.facts.integer)  # nothing lies beyond
        if not natural and max(distances[having.index(best)], statistics.median(distances)) <= EDGE:
            where = f"the {end} end of its range, {brief(dimension.low)} to {brief(dimension.high)}"
            told = f"{name} {brief(value)} lies at {where}, in most of the best trials"
            return f"{told}: a wider range may hold better ones."
    return ""


def _place(dimension: Range, record: Record) -> float:
    """Where a value lies in its range, from 0 to 1."""
    scale = math.log if dimension.facts.log else float
    value, low, high = (scale(each) for each in (record.params[dimension.name], dimension.low, dimension.high))
    return (value - low) / (high - low) if high > low else 0.5
