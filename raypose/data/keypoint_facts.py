"""What is said of keypoints, by name or by index, in indices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from raypose.data.info_files import Color, Keypoint
from raypose.errors import RayPoseError, nearest

Names = tuple[str, ...]

# MMPose's, of COCO's limbs. Middle is what no flip pair has.
SIDE_COLORS: dict[str, Color] = {"left": (0, 255, 0), "right": (255, 128, 0), "middle": (51, 153, 255)}


def resolved(said: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The arguments of `DatasetInfo` from those of `CocoKeypoints`; what is None is left out. `colors` stay as they are.

    Raises:
        RayPoseError: lengths that differ, keypoints that don't exist, or values out of bounds.

    Example:
        >>> resolved({"skeleton": [["nose", "neck", "hip"]], "sigmas": 0.1}, ("nose", "neck", "hip"))
        {'sigmas': (0.1, 0.1, 0.1), 'skeleton': ((0, 1), (1, 2))}
    """
    return {key: resolve(said[key], names) for key, resolve in _RESOLVE.items() if said.get(key) is not None}


def colors_of(colors: Any, flip_pairs: Sequence[tuple[int, int]], count: int) -> tuple[Color, ...]:
    """One of each of `count` keypoints, from one each, or from those of the sides that differ from `SIDE_COLORS`."""
    if isinstance(colors, Mapping):
        sides = {**SIDE_COLORS, **colors}
        side = {i: side for pair in flip_pairs for i, side in zip(pair, ("left", "right"), strict=True)}
        colors = [sides[side.get(i, "middle")] for i in range(count)]
    return tuple((red, green, blue) for red, green, blue in colors)


def _flip_pairs(pairs: Iterable[Iterable[Keypoint]], names: Names) -> tuple[tuple[int, int], ...]:
    resolved = [tuple(_index("flip_pairs", keypoint, names) for keypoint in pair) for pair in pairs]
    wrong = [pair for pair in resolved if len(pair) != 2]
    if wrong:
        raise RayPoseError(f"flip_pairs must hold pairs, but got {wrong[0]}", rule="flip-pairs")
    members = [i for pair in resolved for i in pair]
    if len(set(members)) < len(members):
        raise RayPoseError(f"flip_pairs must name a keypoint once at most, but got {resolved}", rule="flip-pairs")
    return tuple((left, right) for left, right in resolved)


def _skeleton(chains: Iterable[Iterable[Keypoint]], names: Names) -> tuple[tuple[int, int], ...]:
    """The edges between neighbours in each chain of keypoints; a pair is the shortest."""
    resolved = [[_index("skeleton", keypoint, names) for keypoint in chain] for chain in chains]
    if any(len(chain) < 2 for chain in resolved):
        raise RayPoseError(f"skeleton must hold pairs or longer chains, but got {resolved}", rule="skeleton")
    return tuple(edge for chain in resolved for edge in itertools.pairwise(chain))


def _upper_body(keypoints: Iterable[Keypoint], names: Names) -> tuple[int, ...]:
    return tuple(sorted({_index("upper_body", keypoint, names) for keypoint in keypoints}))


def _index(key: str, keypoint: Keypoint, names: Names) -> int:
    if isinstance(keypoint, str):
        if keypoint not in names:
            raise RayPoseError(
                f"{key}: unknown keypoint '{keypoint}'", hint=nearest(keypoint, names), rule=key.replace("_", "-")
            )
        return names.index(keypoint)
    if not 0 <= keypoint < len(names):
        raise RayPoseError(
            f"{key}: 0 <= index < {len(names)} must hold, but got {keypoint}", rule=key.replace("_", "-")
        )
    return keypoint


def _sigmas(sigmas: float | Sequence[float], names: Names) -> tuple[float, ...]:
    if isinstance(sigmas, int | float):
        sigmas = [sigmas] * len(names)
    if len(sigmas) != len(names) or min(sigmas) <= 0:
        raise RayPoseError(f"sigmas must be {len(names)} positive numbers, but got {list(sigmas)}", rule="sigmas")
    return tuple(map(float, sigmas))


def _colors(colors: Sequence[Color] | Mapping[str, Color], names: Names) -> Any:
    """As given: one a keypoint, or some of the sides'."""
    sided = isinstance(colors, Mapping)
    if sided and (unknown := [side for side in colors if side not in SIDE_COLORS]):
        hint = nearest(unknown[0], SIDE_COLORS)
        raise RayPoseError(f"colors: unknown side '{unknown[0]}'", hint=hint, rule="colors")
    each = list(colors.values()) if isinstance(colors, Mapping) else list(colors)
    if not sided and len(each) != len(names):
        raise RayPoseError(f"colors must be {len(names)}, one a keypoint, but are {len(each)}", rule="colors")
    wrong = [list(color) for color in each if len(color) != 3 or not all(0 <= part <= 255 for part in color)]
    if wrong:
        raise RayPoseError(f"a color is red, green and blue, each 0 to 255, but got {wrong[0]}", rule="colors")
    return colors


_RESOLVE: dict[str, Callable[[Any, Names], Any]] = {
    "flip_pairs": _flip_pairs,
    "sigmas": _sigmas,
    "skeleton": _skeleton,
    "upper_body": _upper_body,
    "colors": _colors,
}
