"""Training targets on the input that they belong to, one way of drawing a kind of output (see `raypose.kinds`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from raypose.data.drawing.pose import colors_of
from raypose.data.drawing.views import enlarge
from raypose.data.table import DatasetInfo

_DIMMED = 0.45  # of the input's brightness below a target
_STRIP = 0.22  # of the height: where marginals stand
_STRIP_COLOR = (36, 39, 44)


def draw_target(
    kind: str | None, image: np.ndarray, target: Any, weight: np.ndarray, info: DatasetInfo, height: int = 256
) -> np.ndarray | None:
    """The `target` of one input on it, enlarged to `height`; each keypoint's part in its colour.

    Heatmaps and densities shine, each scaled to its highest value; the bars of marginals stand along the edges, on
    strips that make the picture larger; coordinates are crosses.

    Args:
        kind: of the codec's targets.
        image: uint8 [h,w,3], the input.
        target: a codec's, of one instance: [K,h,w] of `heatmap`, [K,3,h,w] of `combined`, [K,2] of `coordinates` and
            `rle`, ([K,Lx], [K,Ly]) of `simcc`, ([K,2], [K,h,w]) of `coordinates+density`.
        weight: [K], above 0 where the keypoint counts.

    Returns:
        None for a kind that it doesn't know.
    """
    draw = _DRAWN.get(kind or "")
    if draw is None:
        return None
    picture, _ = enlarge(image, height)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    dimmed = (0.5 * picture + 0.5 * grey) * _DIMMED
    return draw(dimmed, target, np.asarray(weight).reshape(-1) > 0, colors_of(info)).round().astype(np.uint8)


def _heat(picture: np.ndarray, maps: np.ndarray, counts: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Each pixel as bright as the highest map there, in the maps' colours mixed as the maps are."""
    maps = np.clip(maps[counts], 0, None)
    if not len(maps):
        return picture
    maps = maps / np.maximum(maps.max((1, 2), keepdims=True), 1e-12)
    tint = np.einsum("kyx,kc->yxc", maps, colors[counts]) / np.maximum(maps.sum(0), 1e-12)[..., None]
    # A heatmap pixel covers the square of input pixels that it stands for: both reach from edge to edge.
    size = (picture.shape[1], picture.shape[0])
    tint, glow = (cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in (tint, 0.9 * maps.max(0)))
    return picture * (1 - glow[..., None]) + tint * glow[..., None]


def _discs(picture: np.ndarray, maps: np.ndarray, counts: np.ndarray, colors: np.ndarray) -> np.ndarray:
    return _heat(picture, maps[:, 0], counts, colors)


def _crosses(picture: np.ndarray, fractions: np.ndarray, counts: np.ndarray, colors: np.ndarray) -> np.ndarray:
    canvas = np.ascontiguousarray(picture.round().astype(np.uint8))
    size = np.array([picture.shape[1], picture.shape[0]])
    arm = max(4, round(picture.shape[0] / 40))
    for (x, y), color in zip((fractions[counts, :2] * size - 0.5).round().astype(int), colors[counts], strict=True):
        for width, shade in ((4, (20, 22, 26)), (2, tuple(color.tolist()))):
            cv2.line(canvas, (x - arm, y), (x + arm, y), shade, width, cv2.LINE_AA)
            cv2.line(canvas, (x, y - arm), (x, y + arm), shade, width, cv2.LINE_AA)
    return canvas.astype(np.float64)


def _marginals(
    picture: np.ndarray, target: tuple[np.ndarray, np.ndarray], counts: np.ndarray, colors: np.ndarray
) -> np.ndarray:
    height, width = picture.shape[:2]
    depth = round(_STRIP * height)
    canvas = np.full((height + depth, width + depth, 3), _STRIP_COLOR, np.float64)
    canvas[:height, :width] = picture
    along_x, along_y = (_bars(each[counts], colors[counts], length, depth)
                        for each, length in zip(target, (width, height), strict=True))  # fmt: skip
    canvas[height:, :width] = np.where(along_x >= 0, along_x, canvas[height:, :width])
    along_y = along_y.transpose(1, 0, 2)
    canvas[:height, width:] = np.where(along_y >= 0, along_y, canvas[:height, width:])
    return canvas


def _bars(heights: np.ndarray, colors: np.ndarray, length: int, depth: int) -> np.ndarray:
    """[depth,length,3] bars of the highest of `heights` [K,L], from row 0 on; -1 where there is none."""
    canvas = np.full((depth, length, 3), -1.0)
    if not len(heights):
        return canvas
    bins = (np.arange(length) + 0.5) * heights.shape[1] // length
    at = heights[:, bins.astype(int)]
    rows = np.round(at.max(0) / max(at.max(), 1e-12) * (depth - 2))
    return np.where((np.arange(depth)[:, None] < rows)[..., None], colors[at.argmax(0)][None], canvas)


def _integral(picture: np.ndarray, target: Any, counts: np.ndarray, colors: np.ndarray) -> np.ndarray:
    fractions, density = target
    return _crosses(_heat(picture, density, counts, colors), fractions, counts, colors)


_DRAWN: dict[str, Callable[..., np.ndarray]] = {
    "heatmap": _heat,
    "combined": _discs,
    "coordinates": _crosses,
    "rle": _crosses,
    "simcc": _marginals,
    "coordinates+density": _integral,
}
