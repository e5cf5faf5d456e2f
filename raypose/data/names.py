"""What keypoints' names tell: which of them are left and right of each other, and which are of the upper body."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# The part of the body that a word in a keypoint's name speaks of. Of an animal's legs the words of the first row decide,
# whatever joint they have; `back` may be a leg's or the trunk's, so that it leaves open what the name means.
_UPPER, _LOWER, _OPEN = True, False, None
_WORDS: list[dict[bool | None, str]] = [
    {
        _UPPER: "front fore foreleg forelimb forepaw",
        _LOWER: "hind rear hindleg hindlimb hindpaw",
        _OPEN: "back",
    },
    {
        _UPPER: """head face forehead eye eyebrow brow ear nose mouth lip jaw chin throat neck shoulder clavicle chest
            thorax elbow forearm wrist hand palm thumb finger forefinger""",
        _LOWER: "hip pelvis groin thigh knee shin ankle foot heel toe",
    },
]
_ROWS = [{word: half for half, text in row.items() for word in text.split()} for row in _WORDS]


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


def infer_upper_body(names: Sequence[str]) -> tuple[int, ...]:
    """Indices of the upper body's keypoints; none unless every name tells its half, and both halves have some.

    Example:
        >>> infer_upper_body(["nose", "l_wrist", "r_wrist", "left_knee", "right_knee"])
        (0, 1, 2)
        >>> infer_upper_body(["snout", "tailbase"])
        ()
    """
    halves = [_half(name) for name in names]
    upper = tuple(i for i, half in enumerate(halves) if half)
    return upper if _OPEN not in halves and 0 < len(upper) < len(names) else ()


def _half(name: str) -> bool | None:
    """Whether a keypoint is of the upper body; None where its name doesn't tell, or tells both."""
    words = [_variants(word.lower()) for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    for row in _ROWS:
        said = {row[known] for word in words if (known := next((each for each in word if each in row), None))}
        if said:
            return said.pop() if len(said) == 1 else _OPEN
    return _OPEN


def _variants(word: str) -> tuple[str, str, str]:
    """A word as it is, and without a side that is written in one with it: `rear` is no right ear, but `lear` a left one."""
    return word, re.sub("^(left|right|l|r)", "", word), re.sub("(left|right|l|r)$", "", word)
