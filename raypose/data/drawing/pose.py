"""Keypoints, skeletons and boxes on images."""

from __future__ import annotations

import math

import cv2
import numpy as np

from raypose.data.drawing.text import put_text, text_width
from raypose.data.table import DatasetInfo

# Of the left, the right, and what is neither; told apart by people with any colour vision, on light and dark images
# (of Okabe and Ito's palette, https://jfly.uni-koeln.de/color/).
LEFT, RIGHT = (86, 180, 233), (230, 120, 20)
MIDDLE = ((0, 190, 130), (240, 228, 66), (220, 110, 190), (230, 230, 230))
_OUTLINE = (20, 22, 26)
_NUMBER = 10  # the height of indices, pixels
_SHIFT = 4  # fractional bits of OpenCV's coordinates


def colors_of(info: DatasetInfo) -> np.ndarray:
    """[K,3] uint8 the dataset's own colours; where it has none, one for the left, one for the right, and a few in turn
    for what is neither."""
    if info.colors:
        return np.array(info.colors, np.uint8)
    left, right = {pair[0] for pair in info.flip_pairs}, {pair[1] for pair in info.flip_pairs}
    others = [i for i in range(len(info.names)) if i not in left | right]
    sided = {**dict.fromkeys(left, LEFT), **dict.fromkeys(right, RIGHT)}
    return np.array([sided.get(i) or MIDDLE[others.index(i) % len(MIDDLE)] for i in range(len(info.names))], np.uint8)


def draw_pose(
    image: np.ndarray,
    keypoints: np.ndarray,
    visible: np.ndarray,
    info: DatasetInfo,
    *,
    numbers: bool = False,
    size: float | None = None,
) -> np.ndarray:
    """A copy of `image` with skeletons and keypoints: discs where visible, rings where occluded.

    Args:
        image: uint8 [H,W,3] in RGB.
        keypoints: [N,K,2] (x, y) in its pixels, or [K,2] of one instance; not finite is not drawn.
        visible: [N,K] or [K]; 0 not drawn, up to 1 a ring, above 1 a disc: COCO's visibility.
        numbers: write each keypoint's index beside it.
        size: the discs' radius in pixels; by default it suits the image's size.

    Example:
        >>> draw_pose(image, table.keypoints[:, :, :2], table.keypoints[:, :, 2], table.info).shape == image.shape
        True
    """
    canvas = np.ascontiguousarray(image).copy()
    people = np.asarray(keypoints, np.float64).reshape(-1, len(info.names), 2)
    seen = np.asarray(visible).reshape(-1, len(info.names)) * np.isfinite(people).all(-1)
    radius = size if size is not None else _radius(image, len(info.names))
    colors = colors_of(info)
    for points, shown in zip(people, seen, strict=True):
        _skeleton(canvas, points, shown, info, colors, radius)
    for points, shown in zip(people, seen, strict=True):
        for i in np.flatnonzero(shown > 0):
            _dot(canvas, points[i], colors[i].tolist(), radius, filled=shown[i] > 1)
        if numbers:
            _numbers(canvas, points, np.flatnonzero(shown > 0), radius)
    return canvas


def _radius(image: np.ndarray, count: int) -> float:
    """What suits the image's size, and less for many keypoints."""
    return max(2.0, math.sqrt(image.shape[0] * image.shape[1]) / 65 * min(1.0, math.sqrt(25 / count)))


def draw_box(image: np.ndarray, corners: np.ndarray, color: tuple[int, int, int], width: int = 1) -> None:
    """Draw the closed line through `corners` [C,2] on `image` in place."""
    cv2.polylines(image, [_fixed(corners)[:, None]], True, color, width, cv2.LINE_AA, _SHIFT)


def _skeleton(
    canvas: np.ndarray, points: np.ndarray, shown: np.ndarray, info: DatasetInfo, colors: np.ndarray, radius: float
) -> None:
    """Bones in the mean of their ends' colours, dark on their outside to stand out from any image."""
    bones = [(a, b) for a, b in info.skeleton if shown[a] > 0 and shown[b] > 0]
    ends = [_fixed(points[[a, b]]) for a, b in bones]
    width = max(1, round(radius * 0.75))
    for start, end in ends:
        cv2.line(canvas, start.tolist(), end.tolist(), _OUTLINE, width + 2, cv2.LINE_AA, _SHIFT)
    for (a, b), (start, end) in zip(bones, ends, strict=True):
        color = colors[[a, b]].mean(0).round().tolist()
        cv2.line(canvas, start.tolist(), end.tolist(), color, width, cv2.LINE_AA, _SHIFT)


def _dot(canvas: np.ndarray, point: np.ndarray, color: list[int], radius: float, filled: bool) -> None:
    center, r = _fixed(point).tolist(), round(radius * 2**_SHIFT)
    cv2.circle(canvas, center, r + 2**_SHIFT, _OUTLINE, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    cv2.circle(canvas, center, r, color, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    if not filled:
        cv2.circle(canvas, center, round(r * 0.45), _OUTLINE, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _numbers(canvas: np.ndarray, points: np.ndarray, shown: np.ndarray, radius: float) -> None:
    """Indices beside keypoints, on the side that is away from the others."""
    middle = points[shown].mean(0) if len(shown) else 0.0
    for i in shown:
        out = points[i] - middle
        out = out / max(float(np.hypot(*out)), 1e-6)
        at = points[i] + out * (radius + 8) + (-0.5 * text_width(str(i), _NUMBER), 0.35 * _NUMBER)
        put_text(canvas, str(i), (at[0], at[1]), _NUMBER, halo=_OUTLINE)


def _fixed(points: np.ndarray) -> np.ndarray:
    """As OpenCV takes coordinates with a fraction, far outside of which it draws nothing of use."""
    return np.clip(np.round(np.asarray(points) * 2**_SHIFT), -(2**24), 2**24).astype(np.int32)
