"""What keypoints' names tell: which of them are left and right of each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence


def infer_flip_pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs (left, right) of indices: names that differ only in one `left` for `right`, or in one `l` for `r`.

    So `left_eye`, `eye_left`, `leftear`, `LEar`, `l_ear`, `ear.L` and `lfpaw` all find their partner, and `tail` has
    none.

    Example:
        >>> infer_flip_pairs(["snout", "leftear", "rightear", "tailbase"])
        ((1, 2),)
    """
    index = {name.lower(): i for i, name in enumerate(names)}
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    for i, name in enumerate(names):
        partners = (index[mirrored] for mirrored in _mirrored(name.lower()) if mirrored in index)
        partner = next((j for j in partners if j not in taken), None)
        if partner is not None and i not in taken:
            pairs.append((i, partner))
            taken |= {i, partner}
    return tuple(pairs)


def _mirrored(name: str) -> Iterator[str]:
    """What the right side's partner of `name` may be called, the likeliest first."""
    for left, right in (("left", "right"), ("l", "r")):
        for found in re.finditer(left, name):
            yield name[: found.start()] + right + name[found.end() :]
