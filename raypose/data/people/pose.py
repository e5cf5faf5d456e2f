"""A random pose: the joints of a standing, walking, squatting, ... person in three dimensions.

x is to the right of the image, y down, z towards the viewer; the unit is the person's height. The pelvis is the origin.
A person who faces the viewer (yaw 0) has the left side at positive x, and looks along positive z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]
SIDES = {"left": 1.0, "right": -1.0}

# Where face points lie on the head: in head radii, from its centre, for the left side.
FACE = {"nose": (0.0, 0.12, 1.0), "eye": (0.38, -0.14, 0.86), "ear": (0.97, 0.0, -0.05)}


@dataclass(frozen=True)
class Style:
    """The ranges of a kind of pose, in degrees: arms and legs swing forward and spread outward, joints bend."""

    weight: float
    arm_swing: Range = (-20, 25)
    arm_out: Range = (4, 22)
    elbow: Range = (0, 45)
    leg_swing: Range = (-8, 10)
    leg_out: Range = (1, 9)
    knee: Range = (0, 12)
    lean: Range = (-3, 6)


STYLES = (
    Style(0.28),
    Style(0.2, arm_swing=(-30, 30), elbow=(5, 55), leg_swing=(-22, 30), knee=(0, 40), lean=(0, 8)),
    Style(0.18, arm_swing=(-5, 60), arm_out=(10, 50), elbow=(20, 105), leg_swing=(-10, 12), knee=(0, 15)),
    Style(0.1, arm_swing=(130, 180), arm_out=(0, 35), elbow=(0, 50)),
    Style(0.16, arm_swing=(-10, 15), arm_out=(55, 105), elbow=(0, 60), leg_out=(4, 24)),
    Style(0.05, arm_swing=(-45, 55), elbow=(55, 105), leg_swing=(-30, 55), knee=(10, 75), lean=(4, 15)),
    Style(0.03, arm_swing=(10, 80), elbow=(10, 90), leg_swing=(55, 95), leg_out=(4, 25), knee=(60, 115), lean=(8, 30)),
)


@dataclass(frozen=True)
class Pose:
    """Joints by name (`left_knee`, `neck`, `head`, ...), and the orientations [3,3] of torso, pelvis and head."""

    joints: dict[str, np.ndarray]
    torso: np.ndarray
    pelvis: np.ndarray
    head: np.ndarray
    head_radius: float

    def on_head(self, x: float, y: float, z: float) -> np.ndarray:
        """[3] a place in head radii from the head's centre: to its left, down, forward."""
        return self.joints["head"] + self.head @ (np.array([x, y, z]) * self.head_radius)


def draw_pose(rng: np.random.Generator) -> Pose:
    """A random pose, mostly upright and mostly turned towards the viewer."""
    style = STYLES[rng.choice(len(STYLES), p=[style.weight for style in STYLES])]
    build = {name: rng.uniform(*span) for name, span in _BUILD.items()}
    pelvis = _turn("z", rng.normal(0, 6)) @ _turn("x", rng.normal(0, 5)) @ _turn("y", _yaw(rng))
    torso = pelvis @ _turn("x", -rng.uniform(*style.lean)) @ _turn("z", rng.normal(0, 5)) @ _turn("y", rng.normal(0, 8))
    head = torso @ _turn("y", rng.normal(0, 18)) @ _turn("x", rng.normal(-3, 9)) @ _turn("z", rng.normal(0, 6))

    neck = torso @ (0, -build["spine"], 0)
    joints = {"pelvis": np.zeros(3), "neck": neck, "throat": neck + torso @ (0, -0.045, 0.004)}
    joints["head"] = joints["throat"] + head @ (0, -build["head"] * 0.95, build["head"] * 0.12)
    for side, sign in SIDES.items():
        shoulder = neck + torso @ (sign * build["shoulders"], 0.022, 0)
        joints |= _arm(rng, style, build, torso, shoulder, side)
        joints |= _leg(rng, style, build, pelvis, pelvis @ (sign * build["hips"], 0, 0), side)
        for name, place in FACE.items():
            offset = np.multiply(place, (sign, 1, 1)) * build["head"]
            joints[name if name == "nose" else f"{side}_{name}"] = joints["head"] + head @ offset
    return Pose(joints, torso, pelvis, head, build["head"])


# Lengths, in body heights.
_BUILD: dict[str, Range] = {
    "spine": (0.27, 0.31),
    "shoulders": (0.095, 0.125),
    "hips": (0.05, 0.065),
    "head": (0.064, 0.084),
    "upper_arm": (0.15, 0.175),
    "forearm": (0.13, 0.15),
    "thigh": (0.21, 0.245),
    "shin": (0.21, 0.24),
}


def _yaw(rng: np.random.Generator) -> float:
    """Degrees: three quarters look towards the viewer, the rest to a side or away."""
    kind = rng.choice(3, p=(0.76, 0.13, 0.11))
    low, high = ((0, 50), (50, 105), (135, 180))[kind]
    return rng.choice((-1, 1)) * rng.uniform(low, high)


def _arm(
    rng: np.random.Generator, style: Style, build: dict[str, float], torso: np.ndarray, shoulder: np.ndarray, side: str
) -> dict[str, np.ndarray]:
    out = _turn("z", -SIDES[side] * rng.uniform(*style.arm_out))
    upper = torso @ out @ _turn("x", rng.uniform(*style.arm_swing)) @ _turn("y", -SIDES[side] * rng.uniform(0, 60))
    lower = upper @ _turn("x", rng.uniform(*style.elbow))
    elbow = shoulder + upper @ (0, build["upper_arm"], 0)
    wrist = elbow + lower @ (0, build["forearm"], 0)
    hand = wrist + lower @ (0, 0.045, 0)
    return {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist, f"{side}_hand": hand}


def _leg(
    rng: np.random.Generator, style: Style, build: dict[str, float], pelvis: np.ndarray, hip: np.ndarray, side: str
) -> dict[str, np.ndarray]:
    out = _turn("z", -SIDES[side] * rng.uniform(*style.leg_out))
    upper = pelvis @ out @ _turn("x", rng.uniform(*style.leg_swing))
    lower = upper @ _turn("x", -rng.uniform(*style.knee))
    knee = hip + upper @ (0, build["thigh"], 0)
    ankle = knee + lower @ (0, build["shin"], 0)
    forward = pelvis @ _turn("y", SIDES[side] * rng.uniform(0, 20))
    heel, toe = ankle + forward @ (0, 0.03, -0.02), ankle + forward @ (0, 0.038, 0.085)
    names = ("hip", "knee", "ankle", "heel", "toe")
    return {f"{side}_{name}": point for name, point in zip(names, (hip, knee, ankle, heel, toe), strict=True)}


def _turn(axis: str, degrees: float) -> np.ndarray:
    """[3,3] rotation; positive about x swings what hangs down forward, about y turns to the image's right."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[[i, j, i, j], [i, j, j, i]] = cos, cos, -sin, sin
    return matrix
