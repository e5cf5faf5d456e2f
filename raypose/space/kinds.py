"""The kinds of numeric dimensions, with Ray Tune's names and meaning, as data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

Number = int | float


@dataclass(frozen=True)
class Kind:
    """What is special about a kind: integers (with an exclusive upper end), logarithmic, on multiples of q."""

    integer: bool = False
    log: bool = False
    quantized: bool = False


KINDS = {
    "uniform": Kind(),
    "quniform": Kind(quantized=True),
    "loguniform": Kind(log=True),
    "qloguniform": Kind(log=True, quantized=True),
    "randint": Kind(integer=True),
    "qrandint": Kind(integer=True, quantized=True),
    "lograndint": Kind(integer=True, log=True),
}

# What the arguments of a kind must satisfy, in the order in which it is checked.
RULES: tuple[tuple[str, Callable[[Kind, Number, Number, Number], bool]], ...] = (
    ("low < high", lambda kind, low, high, q: low < high),
    ("0 < low", lambda kind, low, high, q: low > 0 or not kind.log),
    ("0 < q <= high - low", lambda kind, low, high, q: 0 < q <= (high - low) * (1 + 1e-9) or not kind.quantized),
)


def broken_rule(kind: Kind, args: tuple[Number, ...]) -> str:
    """The first rule that `(low, high[, q])` break, with their values; empty if they break none.

    Example:
        >>> broken_rule(KINDS["uniform"], (5, 1))
        '`low < high` must hold, but got (low=5, high=1)'
    """
    low, high, q = (*args, 1)[:3]
    values = ", ".join(f"{name}={value}" for name, value in zip(("low", "high", "q"), args, strict=False))
    for rule, holds in RULES:
        if not holds(kind, low, high, q):
            return f"`{rule}` must hold, but got ({values})"
    return ""


def ends(kind: Kind, args: tuple[Number, ...]) -> tuple[Number, Number, Number | None]:
    """The inclusive ends of valid arguments, and the step.

    As in Ray Tune: the upper end of integers is exclusive, but inclusive where q > 1; quantized values are multiples
    of q, so that ends which are none move inwards.
    """
    low, high, q = (arg if kind.integer else float(arg) for arg in (*args, 1)[:3])
    if kind.quantized and not (kind.integer and q == 1):
        return multiple(_index(low, q, math.ceil), q), multiple(_index(high, q, math.floor), q), q
    if kind.integer:
        return low, high - 1, 1
    return low, high, None


def multiple(index: int, q: Number) -> Number:
    """`index * q` without noise in the last digits: 3 * 0.1 is 0.3."""
    return index * q if isinstance(q, int) else float(index * Decimal(repr(q)))


def scaled(value: Number, times: Number) -> Number:
    """`value * times`, an integer if both are, without noise in the last digits.

    Example:
        >>> scaled(3e-4, 0.1), scaled(3, 2), scaled(64, 0.5)
        (3e-05, 6, 32.0)
    """
    if isinstance(value, int) and isinstance(times, int):
        return value * times
    return float(Decimal(repr(value)) * Decimal(repr(times)))


def _index(bound: Number, q: Number, inwards: Callable[[float], int]) -> int:
    nearest = round(bound / q)
    return nearest if math.isclose(bound / q, nearest, rel_tol=1e-9, abs_tol=1e-9) else inwards(bound / q)
