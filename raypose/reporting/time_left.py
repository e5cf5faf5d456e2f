"""How long a search still takes, by how many epochs its trials have come to so far."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import mul


@dataclass(frozen=True)
class Survival:
    """How many epochs trials run where some are stopped early: the estimator of Kaplan and Meier, "Nonparametric Estimation
    from Incomplete Observations" (JASA 53, 1958, equation 2b). A trial that still runs counts as one that comes at least as
    far as it is; without that, the first estimates would be made of those that were stopped first.

    `ended` are the epochs of trials that have ended, `running` those of trials that have not.

    Example:
        >>> survival = Survival([3, 3, 20], [10])
        >>> survival.further(0, 20), survival.further(10, 20)
        (11.5, 10.0)
    """

    ended: Sequence[int]
    running: Sequence[int] = ()

    @cached_property
    def steps(self) -> dict[int, float]:
        """The share of those that come to an epoch who go on after it, where that isn't all of them."""
        ended, every = Counter(self.ended), sorted([*self.ended, *self.running])
        return {epoch: 1 - count / (len(every) - bisect_left(every, epoch)) for epoch, count in ended.items()}

    def further(self, epoch: int, last: int) -> float:
        """The mean number of epochs after `epoch` of a trial that goes on from it, and ends with `last`."""
        shares = accumulate((self.steps.get(each, 1.0) for each in range(epoch + 1, last)), mul, initial=1.0)
        return sum(shares) if last > epoch else 0.0


def rounds_left(survival: Survival, running: Sequence[tuple[int, int]], waiting: int, last: int) -> float:
    """How many epochs long a search still is, as many trials at a time as run now. `running` has each one's epoch and its
    last one; `waiting` trials of `last` epochs have not begun.

    Beside its share of all epochs that is what the last trials take while there is nothing left for the others to do: at
    most the longest trial's (R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969), here half of it.
    """
    each = [survival.further(*where) for where in running]
    if not waiting:
        return max(each)
    new, share = survival.further(0, last), 1 / len(running)
    return share * (sum(each) + waiting * new) + (1 - share) * max(*each, new) / 2
