"""Which of a space's combinations its constraints leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from raypose.config import Tune, read
from raypose.errors import Problem
from raypose.proof.places import at
from raypose.proof.prices import Price, by_options
from raypose.space import Space
from raypose.space.constraints import Constraint
from raypose.space.tree import Sequence as List


def met(space: Space, prices: Sequence[Price]) -> dict[str, int]:
    """How many combinations of options meet each constraint, at one of their prices and batch sizes at least.

    Example:
        >>> met(space, prices(space, prove(space)))
        {'flops <= 2e9': 12}
    """
    texts = read(Tune, space.default().get("tune")).constraints
    each = by_options(space, prices)
    return {text: sum(any(_meets(Constraint.parse(text), price) for price in own) for own in each) for text in texts}


def unmet(space: Space, prices: Sequence[Price]) -> Iterator[Problem]:
    """A warning for each constraint that no combination meets; values between the ends of ranges may still."""
    listed = at(space, ("tune", "constraints"), {})
    for i, (text, count) in enumerate(met(space, prices).items()):
        if prices and not count and isinstance(listed, List) and i < len(listed.items):
            message = f"no combination of options meets '{text}': {_nearest(Constraint.parse(text), prices)}"
            yield replace(listed.items[i].mark.problem(message, "unmet-constraint"), level="warning")


def _values(price: Price) -> Iterator[dict[str, float]]:
    for memory in price.memory.values():
        yield {"params": price.params, "flops": price.flops, "memory": memory}


def _meets(constraint: Constraint, price: Price) -> bool:
    return any(constraint.violation(values) <= 0 for values in _values(price))


def _nearest(constraint: Constraint, prices: Sequence[Price]) -> str:
    values = min((each for price in prices for each in _values(price)), key=constraint.violation)
    return "the nearest has " + ", ".join(f"{name} {values[name]:.3g}" for name in constraint.names)
