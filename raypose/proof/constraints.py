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
from raypose.space.tree import Scalar
from raypose.space.tree import Sequence as List


def met(space: Space, prices: Sequence[Price]) -> dict[str, int]:
    """How many combinations of options meet each constraint, at one of their prices and batch sizes at least.

    Example:
        >>> met(space, prices(space, prove(space)))
        {'flops <= 2e9': 12}
    """
    each = by_options(space, prices)
    return {
        text: sum(any(_meets(constraint, price) for price in own) for own in each)
        for text, constraint in _static(space).items()
    }


def _static(space: Space) -> dict[str, Constraint]:
    """The constraints that are about costs alone, by what is written."""
    texts = read(Tune, space.default().get("tune")).constraints
    return {text: each for text in texts if (each := Constraint.parse(text, known=None)).is_static}


def unmet(space: Space, prices: Sequence[Price]) -> Iterator[Problem]:
    """A warning for each constraint that no combination meets; values between the ends of ranges may still."""
    listed, counts = at(space, ("tune", "constraints"), {}), met(space, prices) if prices else {}
    for item in listed.items if isinstance(listed, List) else ():
        text = item.value if isinstance(item, Scalar) else None
        if text in counts and not counts[text]:
            message = f"no combination of options meets '{text}': {_nearest(Constraint.parse(text), prices)}"
            yield replace(item.mark.problem(message, "unmet-constraint"), level="warning")


def _values(price: Price) -> Iterator[dict[str, float]]:
    for memory in price.memory.values():
        yield {"params": price.params, "flops": price.flops, "memory": memory}


def _meets(constraint: Constraint, price: Price) -> bool:
    return any(constraint.violation(values) <= 0 for values in _values(price))


def _nearest(constraint: Constraint, prices: Sequence[Price]) -> str:
    values = min((each for price in prices for each in _values(price)), key=constraint.violation)
    return "the nearest has " + ", ".join(f"{name} {values[name]:.3g}" for name in constraint.names)
