"""A posed person as coloured parts, each the convex outline of what is seen of it from the front."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from raypose.data.people.clothes import Clothes, Color
from raypose.data.people.pose import SIDES, Pose


@dataclass(frozen=True)
class Part:
    """`outline` [P,2] in body heights; parts with a larger `depth` hide those with a smaller one. `details` are drawn
    on it, and neither change its outline nor hide keypoints."""

    name: str
    outline: np.ndarray
    depth: float
    color: Color
    details: list[tuple[np.ndarray, Color]] = field(default_factory=list)


# (name, from joint, to joint, radius there, radius here, how much nearer than its joints it counts as).
_LIMBS = (
    ("upper_arm", "shoulder", "elbow", 0.036, 0.027, 0.03),
    ("forearm", "elbow", "wrist", 0.027, 0.019, 0.032),
    ("hand", "wrist", "hand", 0.019, 0.022, 0.031),
    ("thigh", "hip", "knee", 0.056, 0.038, 0.0),
    ("shin", "knee", "ankle", 0.037, 0.023, 0.0),
    ("foot", "heel", "toe", 0.024, 0.019, 0.0),
)

_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 16, False)), np.sin(np.linspace(0, 2 * np.pi, 16, False))], 1)


def make_parts(pose: Pose, clothes: Clothes) -> list[Part]:
    """The parts, the farthest first."""
    parts = [*_trunk(pose, clothes), *_head(pose, clothes)]
    for side in SIDES:
        parts += _limbs(pose, clothes, side)
    return sorted(parts, key=lambda part: part.depth)


def _limbs(pose: Pose, clothes: Clothes, side: str) -> list[Part]:
    colors = {
        "upper_arm": clothes.sleeves[side],
        "forearm": clothes.sleeves[side] if clothes.long_sleeves else clothes.skin,
        "hand": clothes.skin,
        "thigh": clothes.trousers,
        "shin": clothes.trousers if clothes.long_trousers else clothes.skin,
        "foot": clothes.shoes[side],
    }
    parts = []
    for name, start, end, radius_a, radius_b, nearer in _LIMBS:
        a, b = pose.joints[f"{side}_{start}"], pose.joints[f"{side}_{end}"]
        outline = _capsule(a, b, radius_a * clothes.girth, radius_b * clothes.girth)
        sock = _capsule(a + 0.7 * (b - a), b, radius_b * clothes.girth, radius_b * clothes.girth)
        details = [(sock, (colors["shin"] + colors["foot"]) / 2)] if name == "shin" else []
        parts.append(Part(f"{side}_{name}", outline, (a[2] + b[2]) / 2 + nearer, colors[name], details))
    return parts


def _trunk(pose: Pose, clothes: Clothes) -> list[Part]:
    joints, girth = pose.joints, clothes.girth
    wide = np.linalg.norm(joints["left_shoulder"] - joints["right_shoulder"]) / 2
    chest = joints["pelvis"] + 0.45 * (joints["neck"] - joints["pelvis"])
    collar = _ring(joints["neck"] + pose.torso @ (0, 0.004, 0), pose.torso, 0.055, 0.045)
    shoulders = _ring(joints["neck"] + pose.torso @ (0, 0.03, 0), pose.torso, wide + 0.01, 0.05 * girth)
    ribs = _ring(chest, pose.torso, 0.085 * girth, 0.062 * girth)
    waist, hem, seat = (
        _ring(joints["pelvis"] + pose.pelvis @ (0, y, 0), pose.pelvis, width * girth, depth * girth)
        for y, width, depth in ((-0.012, 0.09, 0.062), (0.005, 0.09, 0.062), (0.055, 0.075, 0.055))
    )
    belt = [] if clothes.belt is None else [(_hull(hem, waist), clothes.belt)]
    throat = _capsule(joints["neck"], joints["throat"] + pose.head @ (0, -0.02, 0), 0.034, 0.03)
    return [
        Part("pelvis", _hull(hem, seat), 0.005, clothes.trousers),
        Part("torso", _hull(collar, shoulders, ribs, hem), joints["neck"][2] / 2 + 0.02, clothes.shirt, belt),
        Part("neck", throat, joints["throat"][2] + 0.021, clothes.skin),
    ]


def _head(pose: Pose, clothes: Clothes) -> list[Part]:
    center, radius = pose.joints["head"], pose.head_radius
    face, chin = pose.on_head(0, 0, 0.1), pose.on_head(0, 0.5, 0.25)
    hair, nape = pose.on_head(0, -0.28, -0.22), pose.on_head(0, 1.1, -0.6)
    nose = _capsule(face, pose.joints["nose"], 0.5 * radius, 0.12 * radius)
    skull = _hull(_disk(face, 0.93 * radius), _disk(chin, 0.62 * radius), nose)
    hairy = _hull(_disk(hair, 1.02 * radius), _disk(nape if clothes.long_hair else hair, 0.55 * radius))
    parts = [
        Part("hair", hairy, center[2] + 0.04 + 0.4 * (hair - center)[2], clothes.hair),
        Part("face", skull, face[2] + 0.04, clothes.skin, _features(pose, clothes)),
    ]
    for side in SIDES:
        ear = pose.joints[f"{side}_ear"]
        parts.append(Part(f"{side}_ear", _disk(ear, 0.2 * radius), ear[2] + 0.04, 0.85 * clothes.skin))
    return parts


def _features(pose: Pose, clothes: Clothes) -> list[tuple[np.ndarray, Color]]:
    """Eyes, brows, nose and mouth, as far as they look towards the viewer."""
    center, radius, place = pose.joints["head"], pose.head_radius, pose.on_head
    shapes = [
        (place(-0.26, 0.52, 0.84), place(0.26, 0.52, 0.84), 0.08, np.array([70, 60, 170.0])),
        (place(0, -0.1, 0.95), pose.joints["nose"], 0.11, 0.75 * clothes.skin),
    ]
    for sign in SIDES.values():
        eye = place(sign * 0.38, -0.14, 0.86)
        shapes += [
            (eye, eye, 0.19, np.full(3, 240.0)),
            (eye, eye, 0.1, clothes.iris),
            (place(sign * 0.2, -0.42, 0.88), place(sign * 0.56, -0.42, 0.74), 0.06, 0.6 * clothes.hair),
        ]
    facing = 0.15 * radius
    return [
        (_capsule(a, b, size * radius, size * radius), color)
        for a, b, size, color in shapes
        if min(a[2], b[2]) - center[2] > facing
    ]


def _disk(center: np.ndarray, radius: float) -> np.ndarray:
    return center[:2] + radius * _CIRCLE


def _capsule(a: np.ndarray, b: np.ndarray, radius_a: float, radius_b: float) -> np.ndarray:
    return _hull(_disk(a, radius_a), _disk(b, radius_b))


def _ring(center: np.ndarray, frame: np.ndarray, width: float, depth: float) -> np.ndarray:
    """[16,2] an ellipse in the plane across `frame`'s spine."""
    flat = np.stack([_CIRCLE[:, 0] * width, np.zeros(16), _CIRCLE[:, 1] * depth], 1)
    return (center + flat @ frame.T)[:, :2]


def _hull(*points: np.ndarray) -> np.ndarray:
    return cv2.convexHull(np.concatenate(points).astype(np.float32))[:, 0]
