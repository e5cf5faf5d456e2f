"""Lines of text on images."""

from __future__ import annotations

import unicodedata

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_HEIGHT = 26.0  # pixels from the top of `b` to the bottom of `p`, about, at scale 1


def text_width(text: str, height: float) -> int:
    """Pixels that `put_text` takes for the text."""
    return int(cv2.getTextSize(_ascii(text), _FONT, height / _HEIGHT, 1)[0][0])


def put_text(
    image: np.ndarray,
    text: str,
    at: tuple[float, float],
    height: float = 12,
    color: tuple[int, int, int] = (232, 234, 237),
    halo: tuple[int, int, int] | None = None,
) -> None:
    """Write on `image` in place: `at` (x, y) is the left end of the baseline, `halo` what is around the letters."""
    place, scale = (round(at[0]), round(at[1])), height / _HEIGHT
    if halo is not None:
        cv2.putText(image, _ascii(text), place, _FONT, scale, halo, 3, cv2.LINE_AA)
    cv2.putText(image, _ascii(text), place, _FONT, scale, color, 1, cv2.LINE_AA)


def shortened(text: str, width: int, height: float) -> str:
    """The text, or as much of its end as `width` pixels hold: of a path, that is the file's name.

    Example:
        >>> shortened("a/very/long/path/to/frame_0001.png", 120, 12)
        '...frame_0001.png'
    """
    if text_width(text, height) <= width:
        return text
    kept = len(text)
    while kept > 1 and text_width("..." + text[-kept:], height) > width:
        kept -= 1
    return "..." + text[-kept:]


def _ascii(text: str) -> str:
    """What OpenCV's oldest fonts can draw."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "replace").decode()
