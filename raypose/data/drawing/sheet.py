"""Many pictures with captions as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from raypose.data.drawing.pose import colors_of
from raypose.data.drawing.text import put_text, shortened, text_width
from raypose.data.table import DatasetInfo
from raypose.errors import RayPoseError

_PAPER, _INK, _FAINT = (24, 26, 30), (236, 238, 240), (158, 164, 172)
_MARGIN, _GAP, _LINE = 20, 14, 20  # pixels; the height of a line of text


@dataclass(frozen=True)
class Cell:
    """A picture, uint8 [H,W,3] in RGB, and what is written below it."""

    picture: np.ndarray
    caption: str = ""


@dataclass(frozen=True)
class Row:
    """What is written above a row, and its cells."""

    title: str
    cells: Sequence[Cell]


def sheet(
    title: str, columns: Sequence[str], rows: Sequence[Row], info: DatasetInfo, most_names: int = 40
) -> np.ndarray:
    """uint8 [H,W,3]: a title, the keypoints' names in their colours (of up to `most_names`), the columns' titles, the rows.

    Example:
        >>> picture = sheet("mice", ["input"], [Row("frame 1", [Cell(crop, "no change")])], info)
    """
    widths = [
        max(each.picture.shape[1] for each in column) for column in zip(*(row.cells for row in rows), strict=True)
    ]
    width = 2 * _MARGIN + sum(widths) + _GAP * (len(widths) - 1)
    width = max(width, 2 * _MARGIN + text_width(title, 18))
    legend = _legend(info, width) if len(info.names) <= most_names else []
    blocks = [_line(width, [(_MARGIN, title, _INK)], 18, 40), *legend]
    starts = _MARGIN + np.cumsum([0, *(each + _GAP for each in widths)])
    heads = [(x, shortened(each, w, 13), _INK) for x, each, w in zip(starts, columns, widths, strict=False)]
    blocks.append(_line(width, heads, 13, _LINE + 8))
    blocks += [_row(row, starts, widths, width) for row in rows]
    return np.concatenate([*blocks, np.full((_MARGIN // 2, width, 3), _PAPER, np.uint8)])


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write `picture` [H,W,3] in RGB.

    Raises:
        RayPoseError: the file cannot be written.
    """
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise RayPoseError(f"cannot write {path}: {error.strerror}", rule="file-write", exit_status=1) from None


def _row(row: Row, starts: np.ndarray, widths: list[int], width: int) -> np.ndarray:
    title = _line(width, [(_MARGIN, shortened(row.title, width - 2 * _MARGIN, 12), _FAINT)], 12, _LINE + 4)
    cells = np.full((max(cell.picture.shape[0] for cell in row.cells) + _LINE + 6, width, 3), _PAPER, np.uint8)
    for cell, x, most in zip(row.cells, starts, widths, strict=False):
        height = cell.picture.shape[0]
        cells[:height, x : x + cell.picture.shape[1]] = cell.picture
        put_text(cells, shortened(cell.caption, most, 11), (x, height + 14), 11, _FAINT)
    return np.concatenate([title, cells])


def _legend(info: DatasetInfo, width: int) -> list[np.ndarray]:
    """Lines of numbered names, each after a disc in its colour."""
    step = max(text_width(f"{i} {name}", 12) for i, name in enumerate(info.names)) + 34
    across = max(1, (width - 2 * _MARGIN) // step)
    lines = []
    for first in range(0, len(info.names), across):
        line = np.full((_LINE, width, 3), _PAPER, np.uint8)
        for place, i in enumerate(range(first, min(first + across, len(info.names)))):
            x = _MARGIN + place * step
            cv2.circle(line, (x + 6, 9), 5, colors_of(info)[i].tolist(), cv2.FILLED, cv2.LINE_AA)
            put_text(line, f"{i} {info.names[i]}", (x + 17, 14), 12, _INK)
        lines.append(line)
    return lines


def _line(width: int, texts: Sequence[tuple[int, str, tuple[int, int, int]]], height: float, room: int) -> np.ndarray:
    """`room` rows with texts (x, text, colour)."""
    line = np.full((room, width, 3), _PAPER, np.uint8)
    for x, text, color in texts:
        put_text(line, text, (x, room - round(height * 0.5)), height, color)
    return line
