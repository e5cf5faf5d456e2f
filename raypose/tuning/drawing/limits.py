"""What a sampled configuration costs, and whether those of `tune.constraints` that are about that let it be trained."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, Trial

from raypose.errors import RayPoseError
from raypose.space import Space
from raypose.space.constraints import NAMES, Constraint

Price = Callable[[dict[str, Any]], Mapping[str, float]]
PRICED = ("model", "data", "optimizer")  # the sections that a cost follows from


class Limits:
    """The constraints of a search on costs. `price(config)` gives the values of the names that they speak of; it is asked
    only where there are such constraints.

    Raises:
        RayPoseError: all that is wrong with the constraints.

    Example:
        >>> limits = Limits(["flops <= 2e9"], price=lambda config: {"flops": 1e9 * config["width"]})
        >>> limits.judge(trial, {"width": 3})
        {'flops <= 2e9': 0.5}
    """

    def __init__(self, texts: Sequence[str] = (), price: Price = dict) -> None:
        self.constraints: list[Constraint] = []
        problems = []
        for text in texts:
            try:
                self.constraints.append(Constraint.parse(text))
            except RayPoseError as error:
                problems += error.problems
        if problems:
            raise RayPoseError(problems)
        self.price = price

    @classmethod
    def of(cls, space: Space, texts: Sequence[str]) -> Limits:
        """The constraints of a space of pose models.

        Raises:
            RayPoseError: all that is wrong with them, or the space lacks what the cost follows from.
        """
        limits = cls(static(texts))
        if limits.constraints:
            if missing := [key for key in PRICED if key not in space.tree.entries]:
                message = (
                    f"tune.constraints are about the cost of a pose model, but there is no {' and no '.join(missing)}"
                )
                raise RayPoseError(message, hint="leave them out, or add these sections", rule="no-model")
            limits.price = model_price({name for each in limits.constraints for name in each.names})
        return limits

    def violations(self, costs: Mapping[str, float]) -> dict[str, float]:
        """By how much a configuration that costs this breaks each constraint; 0 or less is not at all."""
        return {each.text: each.violation(costs) for each in self.constraints}

    def judge(self, trial: Trial, config: dict[str, Any]) -> dict[str, float]:
        """By how much a trial's configuration breaks each constraint. The study is told, and asked first."""
        told = trial.constraints
        if any(each.text not in told for each in self.constraints):
            values = self.price(config)
            for name, value in values.items():
                trial.set_user_attr(name, value)
            for text, violation in self.violations(values).items():
                if text not in told:  # by a process that was killed in between
                    trial.set_constraint(text, violation)
            told = trial.constraints
        return {each.text: told[each.text] for each in self.constraints}

    def unmet(self, draws: Sequence[FrozenTrial]) -> RayPoseError:
        """The error that ends a search of which these draws, one after the other, broke constraints."""
        counts = {each: sum(draw.constraints[each.text] > 0 for draw in draws) for each in self.constraints}
        parts = []
        for each, count in sorted(counts.items(), key=lambda item: -item[1]):
            by = "all" if count == len(draws) else f"{count}"
            nearest = min(draws, key=lambda draw: draw.constraints[each.text])
            values = ", ".join(f"{name} {nearest.user_attrs[name]:.3g}" for name in each.names)
            parts += [f"'{each.text}' was broken by {by} of them, the nearest has {values}"] if count else []
        return RayPoseError(
            f"no configuration within tune.constraints was found in {len(draws)} draws in a row: {'; '.join(parts)}",
            hint="relax what cannot be met, or give the space other options",
            rule="unmet-constraint",
            exit_status=1,
        )


def static(texts: Sequence[str]) -> list[str]:
    """Those constraints that are about costs alone; those that cannot be read are among them.

    Example:
        >>> static(["flops <= 2e9", "AP >= 0.6"])
        ['flops <= 2e9']
    """
    return [text for text in texts if _is_static(text)]


def _is_static(text: str) -> bool:
    try:
        return Constraint.parse(text, known=None).is_static
    except RayPoseError:
        return True


def cost_of(trial: Trial | FrozenTrial) -> dict[str, float]:
    """What the study was told about the cost of a trial's configuration."""
    return {name: trial.user_attrs[name] for name in NAMES if name in trial.user_attrs}


def model_price(names: Collection[str]) -> Price:
    """A function that prices the configurations of pose models; what they share is counted once, and memory only if it is
    named."""
    from raypose.proof import Costs

    costs = Costs.bounded()

    def price(config: dict[str, Any]) -> dict[str, float]:
        cost = costs(config, memory="memory" in names)
        return {name: value for name in NAMES if (value := getattr(cost, name)) is not None}

    return price
