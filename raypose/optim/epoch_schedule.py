"""Torch's schedules with arguments that count epochs, stepped once an optimizer step."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from raypose.errors import RayPoseError
from raypose.registry import parameters


@dataclass(frozen=True)
class Clock:
    """How many optimizer steps an epoch, the warm-up and the whole training have."""

    steps_per_epoch: int = 1
    warmup: int = 0
    total: int = 1

    @property
    def rest(self) -> int:
        """Steps after the warm-up."""
        return max(1, self.total - self.warmup)

    def steps(self, epochs: float, name: str = "epochs") -> int:
        """A time in steps, at least one."""
        if not epochs > 0:
            raise RayPoseError(f"{name} > 0 must hold, but got {epochs}", rule="wrong-value")
        return max(1, round(epochs * self.steps_per_epoch))


class EpochSchedule:
    """A torch schedule as a component: its arguments count epochs, fractions too, and it runs step by step.

    lengths: arguments that are a time, which starts at the end of the warm-up.
    moments: arguments that are lists of times since the start of the training.
    factors: arguments that multiply the rate once an epoch; a step takes its share of the exponent.
    runs: arguments that the user may omit: the fraction of the time after the warm-up that they are then.
    rates: arguments that the user may omit: they are the optimizer's own rates then.
    hidden: arguments of torch's that are not the user's to choose.

    Example:
        >>> EpochSchedule(torch.optim.lr_scheduler.StepLR, lengths=("step_size",))
    """

    def __init__(
        self,
        base: type[LRScheduler],
        *,
        lengths: tuple[str, ...] = (),
        moments: tuple[str, ...] = (),
        factors: tuple[str, ...] = (),
        runs: Mapping[str, float] | None = None,
        rates: tuple[str, ...] = (),
        hidden: tuple[str, ...] = (),
    ) -> None:
        self.base, self.lengths, self.moments, self.factors, self.rates = base, lengths, moments, factors, rates
        self.runs = dict(runs or {})
        self.__name__, self.__doc__ = base.__name__, base.__doc__
        self.__signature__ = self._signature({*hidden, "last_epoch"})

    def __call__(self, optimizer: Optimizer, clock: Clock, **args: Any) -> LRScheduler:
        """Raises RayPoseError for times that are not positive; ValueError as torch's schedule does."""
        shown = {name: each.default for name, each in list(inspect.signature(self).parameters.items())[1:-1]}
        args = {**dict.fromkeys(self.runs), **shown, **args}
        args = {name: self._in_steps(name, value, optimizer, clock) for name, value in args.items()}
        return self.base(optimizer, **args)

    def _in_steps(self, name: str, value: Any, optimizer: Optimizer, clock: Clock) -> Any:
        if value is None and name in self.runs:
            return max(1, round(self.runs[name] * clock.rest))
        if value is None and name in self.rates:
            return [group["lr"] for group in optimizer.param_groups]
        if value is not None and name in self.lengths:
            return clock.steps(value, name)
        if name in self.moments:
            return [max(0, clock.steps(each, name) - clock.warmup) for each in value]
        if name in self.factors:
            return value ** (1 / clock.steps_per_epoch)
        return value

    def _signature(self, hidden: set[str]) -> inspect.Signature:
        """Torch's, with times in fractions of epochs, what may be omitted as None, and the clock."""
        optimizer, *others = parameters(self.base).values()
        types = {
            **dict.fromkeys(self.lengths, float | None),
            **dict.fromkeys(self.moments, list[float]),
            **dict.fromkeys(self.rates, float | list[float] | None),
        }
        shown = []
        for each in others:
            default = None if each.name in {*self.runs, *self.rates} else each.default
            if each.name not in hidden:
                annotation = types.get(each.name, each.annotation)
                shown.append(each.replace(default=default, annotation=annotation, kind=each.KEYWORD_ONLY))
        clock = optimizer.replace(name="clock", default=Clock(), annotation=Clock, kind=optimizer.KEYWORD_ONLY)
        return inspect.Signature([optimizer, *shown, clock])
