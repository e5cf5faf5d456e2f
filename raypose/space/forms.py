"""The mappings that mean more than themselves: dimensions, `ref` and `fixed`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raypose.space.kinds import KINDS

FORMS = frozenset({"choice", *KINDS, "ref", "fixed"})


def form(keys: Iterable[Any]) -> str | None:
    """Which form a mapping of these keys has: `choice`, a kind of range, `ref` or `fixed`; None for an ordinary one.

    Example:
        >>> form({"uniform": [0, 1]}), form({"ref": "lr", "times": 0.1}), form({"choice": [1], "type": "A"})
        ('uniform', 'ref', None)
    """
    given = list(keys)
    if len(given) == 1:
        return given[0] if given[0] in FORMS else None
    return "ref" if len(given) == 2 and {"ref", "times"} == set(given) else None
