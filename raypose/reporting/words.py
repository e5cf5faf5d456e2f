"""Numbers in words, as people are told them."""

from __future__ import annotations

import math
from collections.abc import Mapping

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def counted(number: int, what: str) -> str:
    """`1, "epoch"` -> `1 epoch`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """`75` -> `1:15`."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def spoken(seconds: float) -> str:
    """A duration in words.

    Example:
        >>> spoken(5400), spoken(90), spoken(0.5)
        ('1 h 30 min', '1 min 30 s', '0.5 s')
    """
    parts, rest = [], seconds
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        count, rest = divmod(rest, size)
        parts += [f"{count:g} {unit}"] if count else []
    return " ".join([*parts, f"{rest:g} s"] if rest or not parts else parts)


def number(value: float | None) -> str:
    """Four digits; large ones with a prefix. Nothing where there is no number.

    Example:
        >>> number(0.63251), number(12345.6), number(2.3456e9), number(None)
        ('0.6325', '12346', '2.346 G', '')
    """
    if value is None or not math.isfinite(value):
        return ""
    if 1e3 <= abs(value) < 1e5:
        return f"{value:.0f}"
    size, prefix = next(((size, f" {prefix}") for size, prefix in PREFIXES if abs(value) >= size), (1.0, ""))
    return f"{value / size:.4g}{prefix}"


def brief(value: float) -> str:
    """Three digits, and all of those before the point.

    Example:
        >>> brief(0.001234), brief(112.0), brief(1234.5)
        ('0.00123', '112', '1234')
    """
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def shown(values: Mapping[str, float | None]) -> str:
    """Metrics by name, to four digits.

    Example:
        >>> shown({"AP": 0.63248, "flops": 1.2e9})
        'AP 0.6325, flops 1.2 G'
    """
    return ", ".join(f"{name} {number(value) or 'nan'}" for name, value in values.items())
