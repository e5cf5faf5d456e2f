"""What a dataset's keypoints are, from what the user and the annotation file say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from raypose.data.names import infer_flip_pairs
from raypose.data.person import COCO_NAMES, COCO_SIGMAS
from raypose.data.table import DatasetInfo
from raypose.errors import RayPoseError, nearest

Keypoint = int | str  # an index from 0, or a name

# For keypoints that COCO publishes no sigma for: about that of a hip or shoulder is too forgiving on animals, an eye's
# too strict; 0.05 lies between them, and is one twentieth of the object's size.
DEFAULT_SIGMA = 0.05


def make_info(
    category: Mapping[str, Any],
    names: Sequence[str] | None = None,
    flip_pairs: Iterable[tuple[Keypoint, Keypoint]] | None = None,
    sigmas: float | Sequence[float] | None = None,
    skeleton: Iterable[tuple[Keypoint, Keypoint]] | None = None,
) -> DatasetInfo:
    """`DatasetInfo` of a COCO category's record; what the user gives goes before it.

    Raises:
        RayPoseError: lengths that differ, repeated names, or keypoints that don't exist.
    """
    known = category.get("keypoints") or names or ()
    names = tuple(map(str, known if names is None else names))
    if len(names) != len(known):
        raise RayPoseError(
            f"names must name the {len(known)} keypoints of '{category.get('name')}', but has {len(names)}: "
            f"{', '.join(names)}",
            rule="names-length",
        )
    if len(set(names)) < len(names):
        raise RayPoseError(f"keypoints need different names, but got {', '.join(names)}", rule="names-repeat")
    edges = [(a - 1, b - 1) for a, b in category.get("skeleton") or () if min(a, b) > 0 and max(a, b) <= len(names)]
    return DatasetInfo(
        names=names,
        flip_pairs=infer_flip_pairs(names) if flip_pairs is None else _flip_pairs(flip_pairs, names),
        sigmas=_sigmas(sigmas, names),
        skeleton=tuple(edges) if skeleton is None else _pairs("skeleton", skeleton, names),
        category=str(category.get("name", "object")),
    )


def _flip_pairs(pairs: Iterable[tuple[Keypoint, Keypoint]], names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    resolved = _pairs("flip_pairs", pairs, names)
    members = [i for pair in resolved for i in pair]
    if len(set(members)) < len(members):
        raise RayPoseError(f"flip_pairs must name a keypoint once at most, but got {resolved}", rule="flip-pairs")
    return resolved


def _pairs(key: str, pairs: Iterable[Iterable[Keypoint]], names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    resolved = [tuple(_index(key, keypoint, names) for keypoint in pair) for pair in pairs]
    wrong = [pair for pair in resolved if len(pair) != 2]
    if wrong:
        raise RayPoseError(f"{key} must hold pairs, but got {wrong[0]}", rule="pairs")
    return tuple((pair[0], pair[1]) for pair in resolved)


def _index(key: str, keypoint: Keypoint, names: tuple[str, ...]) -> int:
    if isinstance(keypoint, str):
        if keypoint not in names:
            raise RayPoseError(f"{key}: unknown keypoint '{keypoint}'", hint=nearest(keypoint, names), rule=key)
        return names.index(keypoint)
    if not 0 <= keypoint < len(names):
        raise RayPoseError(f"{key}: 0 <= index < {len(names)} must hold, but got {keypoint}", rule=key)
    return keypoint


def _sigmas(sigmas: float | Sequence[float] | None, names: tuple[str, ...]) -> tuple[float, ...]:
    if sigmas is None:
        return COCO_SIGMAS if names == COCO_NAMES else (DEFAULT_SIGMA,) * len(names)
    if isinstance(sigmas, int | float):
        sigmas = [sigmas] * len(names)
    if len(sigmas) != len(names) or min(sigmas) <= 0:
        raise RayPoseError(f"sigmas must be {len(names)} positive numbers, but got {list(sigmas)}", rule="sigmas")
    return tuple(map(float, sigmas))
