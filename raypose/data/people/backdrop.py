"""What is behind people, and sometimes in front of them."""

from __future__ import annotations

import cv2
import numpy as np


def draw_backdrop(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H,W,3]: a wall, a floor, and things of random shapes and colours."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    horizon = round(height * rng.uniform(0.4, 0.75))
    image[:horizon] = _shaded(rng, horizon, width)
    image[horizon:] = _shaded(rng, height - horizon, width)
    for _ in range(rng.integers(4, 14)):
        _draw_thing(rng, image)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 2.0))


def draw_obstacle(rng: np.random.Generator, image: np.ndarray, labels: np.ndarray, label: int) -> None:
    """A box or a bush in front of everybody, at the bottom."""
    height, width = labels.shape
    center = (int(rng.uniform(0, width)), int(rng.uniform(0.8, 1.05) * height))
    axes = (int(rng.uniform(0.04, 0.14) * width), int(rng.uniform(0.08, 0.22) * height))
    color = _color(rng)
    if rng.random() < 0.5:
        corners = [(c - a, c + a) for c, a in zip(center, axes, strict=True)]
        low, high = ((x, y) for x, y in zip(*corners, strict=True))
        cv2.rectangle(image, low, high, color, cv2.FILLED)
        cv2.rectangle(labels, low, high, label, cv2.FILLED)
    else:
        cv2.ellipse(image, center, axes, 0, 0, 360, color, cv2.FILLED, cv2.LINE_AA)
        cv2.ellipse(labels, center, axes, 0, 0, 360, label, cv2.FILLED)


def _shaded(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A colour that changes smoothly from corner to corner."""
    corners = np.array(_color(rng)) + rng.normal(0, 18, (2, 2, 3))
    return cv2.resize(corners.clip(0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)


def _draw_thing(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    center = (rng.uniform(0, 1, 2) * (width, height)).astype(int).tolist()
    axes = (np.exp(rng.uniform(np.log(0.02), np.log(0.25), 2)) * width).astype(int).tolist()
    angle, color = rng.uniform(0, 180), _color(rng)
    kind = rng.integers(3)
    if kind == 0:
        cv2.ellipse(image, center, axes, angle, 0, 360, color, cv2.FILLED, cv2.LINE_AA)
    elif kind == 1:
        box = cv2.boxPoints((tuple(map(float, center)), tuple(map(float, axes)), angle if rng.random() < 0.4 else 0.0))
        cv2.fillConvexPoly(image, box.astype(np.int32), color, cv2.LINE_AA)
    else:
        end = (np.array(center) + rng.normal(0, 0.3, 2) * (width, height)).astype(int).tolist()
        cv2.line(image, center, end, color, int(rng.integers(1, 9)), cv2.LINE_AA)


def _color(rng: np.random.Generator) -> list[int]:
    """Blue, green and red; most things are not vivid."""
    gray = rng.uniform(40, 220)
    return (gray + rng.normal(0, 28, 3)).clip(0, 255).astype(int).tolist()
