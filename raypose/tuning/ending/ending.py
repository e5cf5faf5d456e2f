"""Whether a search is over before its last trial, and what that means for what is running."""

from __future__ import annotations

from collections.abc import Container

from raypose.tuning.ending.budget import Budget
from raypose.tuning.ending.over import Over


class Ending:
    """Asks the budget, and keeps the first word on why the search is over.

    Example:
        >>> ending = Ending(Budget(Tune(time_budget=60)))
        >>> ending.halted
        False
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.over: Over | None = None
        self._last_epoch_of: int | None = None

    @property
    def halted(self) -> bool:
        """Whether no further epoch counts."""
        return self.over is not None and not self.over.drain

    def put(self, over: Over) -> None:
        """No more trials. The first word is kept, unless the second is to stop what the first lets come to its end."""
        if self.over is None or (self.over.drain and not over.drain):
            self.over = over

    def watch(self) -> None:
        """Look whether a budget is spent."""
        if not self.halted and (spent := self.budget.over()) is not None:
            self.put(spent)

    def epoch(self, number: int, is_last: bool) -> None:
        """A trial reported an epoch; one whose last epoch spent a budget comes to its end."""
        self.watch()
        if self.halted and is_last:
            self._last_epoch_of = number

    def is_stopping(self, live: Container[int]) -> bool:
        """Whether what is running is to stop where it is."""
        self.watch()
        return self.halted and self._last_epoch_of not in live
