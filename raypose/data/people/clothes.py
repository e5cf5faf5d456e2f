"""Random skin, hair and clothes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Color = np.ndarray  # [3] blue, green, red, 0..255

_WARM, _COOL = (0.0, 28.0), (95.0, 125.0)  # ranges of OpenCV's hue, 0..180


@dataclass(frozen=True)
class Clothes:
    """Left and right are told apart by warm and cool sleeves and shoes, as they are by the face."""

    skin: Color
    hair: Color
    shirt: Color
    trousers: Color
    sleeves: dict[str, Color]
    shoes: dict[str, Color]
    iris: Color
    long_sleeves: bool
    long_trousers: bool
    long_hair: bool
    girth: float
    belt: Color | None


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Random colours and lengths."""
    tone = rng.uniform(0, 1)
    hue, saturation = rng.uniform(0, 180, 2), rng.uniform(20, 200, 2)
    tint = {"left": _WARM, "right": _COOL}
    return Clothes(
        skin=(1 - tone) * np.array([45, 75, 115.0]) + tone * np.array([165, 195, 240.0]) + rng.normal(0, 6, 3),
        hair=_bgr(rng.uniform(5, 25), rng.uniform(20, 200), rng.uniform(15, 170)),
        shirt=_bgr(hue[0], saturation[0], rng.uniform(70, 245)),
        trousers=_bgr(hue[1], saturation[1] * 0.7, rng.uniform(30, 190)),
        sleeves={
            side: _bgr(rng.uniform(*span), rng.uniform(110, 230), rng.uniform(90, 235)) for side, span in tint.items()
        },
        shoes={
            side: _bgr(rng.uniform(*span), rng.uniform(110, 230), rng.uniform(70, 220)) for side, span in tint.items()
        },
        iris=_bgr(rng.uniform(0, 120), 120, 60),
        long_sleeves=rng.random() < 0.45,
        long_trousers=rng.random() < 0.65,
        long_hair=rng.random() < 0.4,
        girth=rng.uniform(0.85, 1.25),
        belt=_bgr(rng.uniform(0, 180), 100, rng.uniform(10, 90)) if rng.random() < 0.5 else None,
    )


def _bgr(hue: float, saturation: float, value: float) -> Color:
    pixel = np.array([[[hue % 180, saturation, value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(float)
