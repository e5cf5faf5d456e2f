"""Numbers in words, as people are told them."""

from __future__ import annotations

from collections.abc import Mapping


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


def shown(values: Mapping[str, float | None]) -> str:
    """Metrics by name, to four digits.

    Example:
        >>> shown({"AP": 0.63248, "flops": 1.2e9})
        'AP 0.6325, flops 1.2e+09'
    """
    return ", ".join(f"{name} {'nan' if value is None else f'{value:.4g}'}" for name, value in values.items())
