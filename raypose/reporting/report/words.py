"""Numbers as the report writes them."""

from __future__ import annotations

import math

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float | None) -> str:
    """Four digits; large ones with a prefix.

    Example:
        >>> number(0.63251), number(2.3456e9), number(None)
        ('0.6325', '2.346 G', '')
    """
    if value is None or not math.isfinite(value):
        return ""
    size, prefix = next(((size, f" {prefix}") for size, prefix in PREFIXES if abs(value) >= max(size, 1e5)), (1.0, ""))
    return f"{value / size:.4g}{prefix}"
