"""Whose the next draw is: mostly, the study's own sampler's."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Collection, Iterator

import optuna
from optuna.samplers import BaseSampler

from raypose.reporting.roles import DUPLICATE
from raypose.space import Space
from raypose.tuning.drawing.duplicates import thorough

# After so many draws in a row that are not trained every second one is another sampler's: GPSampler learns from complete
# trials alone and repeats itself.
STUBBORN = 5
EXHAUSTIVE = (optuna.samplers.GridSampler, optuna.samplers.BruteForceSampler)  # but for those that never do


class Turns:
    """Takes turns with the study's sampler where that draws what is not trained: a random one, or, of what was trained
    already in a finite space, one that tries all there is.

    Example:
        >>> with turns.sampling(turns.sampler(refused=["duplicate"] * 5)):
        ...     space.sample(from_trial(trial))
    """

    def __init__(self, study: optuna.Study, space: Space, seed: int) -> None:
        self.study = study
        # Not what the study's own sampler is seeded by: it would draw the same again.
        count = len(study.get_trials(deepcopy=False))
        self.random = optuna.samplers.RandomSampler(random.Random(f"{seed}/{count}").getrandbits(31))
        self.thorough = thorough(space, seed)

    def sampler(self, refused: Collection[str]) -> BaseSampler:
        """Who draws next, after these roles of draws in a row."""
        in_a_row = len(refused)
        if in_a_row < STUBBORN or in_a_row % 2 == 0 or isinstance(self.study.sampler, EXHAUSTIVE):
            return self.study.sampler
        return (DUPLICATE in refused and self.thorough) or self.random

    @contextlib.contextmanager
    def sampling(self, sampler: BaseSampler) -> Iterator[None]:
        """Within it the study has that sampler."""
        own, self.study.sampler = self.study.sampler, sampler
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                yield
        finally:
            self.study.sampler = own
