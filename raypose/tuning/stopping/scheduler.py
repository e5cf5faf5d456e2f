"""What `StudyScheduler` asks of early stopping that goes beyond a pruner."""

from __future__ import annotations

from ray.tune.schedulers import FIFOScheduler


class EarlyStopping(FIFOScheduler):
    """A Tune scheduler that also says how trials are handed out to it. This one stops nothing."""

    hears_again = False  # whether it is asked about an epoch, too, that a resumed trial did before
    takes_turns = False  # whether trials wait in it for each other, so that it says itself how many run at a time

    def has_room(self) -> bool:
        """Whether to ask for a further trial."""
        return True
