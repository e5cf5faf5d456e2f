"""A picture of one to three people, and what COCO would say about them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from raypose.data.people.backdrop import draw_backdrop, draw_obstacle
from raypose.data.people.body import Part, make_parts
from raypose.data.people.clothes import Color, draw_clothes
from raypose.data.people.pose import Pose, draw_pose
from raypose.data.person import COCO_NAMES

_SHIFT = 4  # OpenCV draws with 4 bits after the binary point
_PER_PERSON = 32  # labels of parts: person * 32 + part; an obstacle has the highest
_OBSTACLE = 255

# The parts on which a keypoint is seen, and how far behind its part's middle (in body heights) it may lie for that: the
# far hip of somebody seen from the side is hidden, and so is an eye on the back of a head.
_SEEN_ON: dict[str, tuple[tuple[str, ...], float]] = {
    "nose": (("face",), 0.0),
    "eye": (("face",), 0.0),
    "ear": (("{}_ear", "face", "hair"), 0.03),
    "shoulder": (("{}_upper_arm", "torso", "neck"), 0.085),
    "elbow": (("{}_upper_arm", "{}_forearm"), 1.0),
    "wrist": (("{}_forearm", "{}_hand"), 1.0),
    "hip": (("{}_thigh", "pelvis", "torso"), 0.04),
    "knee": (("{}_thigh", "{}_shin"), 1.0),
    "ankle": (("{}_shin", "{}_foot"), 1.0),
}
_MIDDLE = {"nose": "head", "eye": "head", "ear": "head", "shoulder": "neck", "hip": "pelvis"}


@dataclass(frozen=True)
class Person:
    """One person's annotation: keypoints [17,3] as in COCO, the box around and the number of the visible pixels."""

    keypoints: np.ndarray
    bbox: tuple[int, int, int, int]
    area: int


@dataclass(frozen=True)
class _Placed:
    pose: Pose
    parts: list[Part]
    origin: np.ndarray  # the pelvis in pixels
    height: float  # pixels

    def pixels(self, points: np.ndarray) -> np.ndarray:
        return self.origin + self.height * points[..., :2]


def draw_scene(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, list[Person]]:
    """A uint8 [H,W,3] picture in OpenCV's BGR, and the people of whom something can be seen."""
    image = draw_backdrop(rng, size)
    labels = np.zeros(image.shape[:2], np.uint8)
    people = _place(rng, size)
    for number, person in enumerate(people):
        _paint(rng, image, labels, person, number)
    if rng.random() < 0.12:
        draw_obstacle(rng, image, labels, _OBSTACLE)
    annotated = [_annotate(person, labels, number) for number, person in enumerate(people)]
    return _finish(rng, image), [person for person in annotated if person.area > 0]


def _place(rng: np.random.Generator, size: tuple[int, int]) -> list[_Placed]:
    """People side by side, the small ones, who are far away, first."""
    count = rng.choice((1, 2, 3), p=(0.62, 0.28, 0.1))
    width, height = size
    people = []
    slots = rng.permutation(count)
    for slot in slots:
        pose = draw_pose(rng)
        tall = height * np.exp(rng.uniform(np.log(0.35), np.log(0.95)))
        x = width * (slot + 0.5 + rng.normal(0, 0.2)) / count
        y = height * rng.uniform(0.42, 0.6) if tall > 0.5 * height else height * rng.uniform(0.4, 0.7)
        people.append(_Placed(pose, make_parts(pose, draw_clothes(rng)), np.array([x, y]), tall))
    return sorted(people, key=lambda person: person.height)


def _paint(rng: np.random.Generator, image: np.ndarray, labels: np.ndarray, person: _Placed, number: int) -> None:
    light = rng.uniform(-0.012, 0.012, 2) * person.height
    for index, part in enumerate(person.parts):
        outline = person.pixels(part.outline)
        cv2.fillConvexPoly(labels, _fixed(outline), number * _PER_PERSON + index + 1, cv2.LINE_8, _SHIFT)
        center = outline.mean(0)
        for shrink, shade in ((1.0, 0.8), (0.8, 0.92), (0.55, 1.04)):
            inner = center + shrink * (outline - center) + (1 - shrink) * light
            _fill(image, inner, part.color * shade)
        for detail, color in part.details:
            _fill(image, person.pixels(detail), color)


def _fill(image: np.ndarray, outline: np.ndarray, color: Color) -> None:
    cv2.fillConvexPoly(image, _fixed(outline), np.clip(color, 0, 255).tolist(), cv2.LINE_AA, _SHIFT)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * 2**_SHIFT).astype(np.int32)


def _annotate(person: _Placed, labels: np.ndarray, number: int) -> Person:
    mine = labels.astype(np.int16) - number * _PER_PERSON - 1
    mask = ((mine >= 0) & (mine < len(person.parts))).astype(np.uint8)
    rows = [_keypoint(person, name, mine) for name in COCO_NAMES]
    x, y, width, height = cv2.boundingRect(mask)
    return Person(np.array(rows), (x, y, width, height), int(mask.sum()))


def _keypoint(person: _Placed, name: str, mine: np.ndarray) -> tuple[float, float, int]:
    joint = person.pose.joints[name]
    x, y = person.pixels(joint).round(2).tolist()
    column, row = round(x), round(y)
    if not (0 <= row < mine.shape[0] and 0 <= column < mine.shape[1]):
        return 0.0, 0.0, 0
    side, _, kind = name.rpartition("_")
    parts, behind = _SEEN_ON[kind]
    top = int(mine[row, column])
    if not 0 <= top < len(person.parts) or person.parts[top].name not in [part.format(side) for part in parts]:
        return x, y, 1
    middle = person.pose.joints[_MIDDLE[kind]] if kind in _MIDDLE else joint
    return x, y, 2 if joint[2] >= middle[2] - behind else 1


def _finish(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What a camera adds: a little blur, noise and light."""
    image = cv2.GaussianBlur(image, (3, 3), rng.uniform(0.3, 0.8))
    noise = rng.integers(0, 12, image.shape, np.uint8)
    gain = np.float32(rng.uniform(0.75, 1.1))
    return cv2.addWeighted(image, float(gain), noise, 1.0, -6.0)
