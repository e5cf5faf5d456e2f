"""COCO's person: the names, sigmas and skeleton of its 17 keypoints, and which belong to the upper and the lower body.

Source: https://cocodataset.org/#keypoints-eval; the order is that of `person_keypoints_val2017.json`.
"""

from __future__ import annotations

COCO_NAMES = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
COCO_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035),
    *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
    *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
# Pairs of indices that count from 0; the file's own count from 1.
COCO_SKELETON = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10)),
    *((1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)
# The first 11 keypoints, nose to wrists, are the upper body; hips, knees and ankles are the lower one.
UPPER_BODY = COCO_NAMES[:11]
LOWER_BODY = COCO_NAMES[11:]
