"""Random changes of the training images, drawn for a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from raypose.config import Augment
from raypose.data.person import LOWER_BODY, UPPER_BODY
from raypose.data.table import DatasetInfo

# Half-body crops need this many labelled keypoints in all, this many in the half that is kept, and are this much larger
# than the keypoints' own box (MMPose's TopDownHalfBodyTransform, which follows MSPN, arXiv:1901.00148).
_MIN_LABELLED, _MIN_IN_HALF, _HALF_BODY_SIZE = 8, 3, 1.5
# Parts of red, green and blue in brightness (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Draw:
    """What happens to each of N crops; see `geometry.crop_matrices`."""

    bbox: np.ndarray
    flip: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    color: np.ndarray  # [N,3] factors of brightness, contrast and saturation


def draw(
    rng: np.random.Generator, augment: Augment, bbox: np.ndarray, keypoints: np.ndarray, info: DatasetInfo
) -> Draw:
    """The random changes of one batch: bbox [N,4], keypoints [N,K,3] in the original images."""
    n = len(bbox)
    chosen, half = rng.random(n) < augment.half_body, rng.integers(2, size=n)
    return Draw(
        bbox=np.where(chosen[:, None], half_body_boxes(bbox, keypoints, info, half), bbox),
        flip=rng.random(n) < augment.flip,
        rotation=rng.uniform(-augment.rotation, augment.rotation, n),
        scale=rng.uniform(max(1 - augment.scale, 0.1), 1 + augment.scale, n),
        shift=rng.uniform(-augment.shift, augment.shift, (n, 2)),
        color=rng.uniform(1 - augment.color, 1 + augment.color, (n, 3)),
    )


def half_body_boxes(bbox: np.ndarray, keypoints: np.ndarray, info: DatasetInfo, half: np.ndarray) -> np.ndarray:
    """[N,4] boxes around the labelled keypoints of the upper (`half` 0) or lower (1) body.

    Where one half has too few keypoints the other is taken; where the whole body has, the box stays. So it does for
    keypoints other than COCO's 17, whose halves are not known.
    """
    if not set(info.names) <= {*UPPER_BODY, *LOWER_BODY}:
        return bbox
    labelled = keypoints[:, :, 2] > 0
    members = np.array([[name in part for name in info.names] for part in (UPPER_BODY, LOWER_BODY)])
    counts = labelled.astype(int) @ members.T.astype(int)  # [N,2]
    rows = np.arange(len(bbox))
    half = np.where(counts[rows, half] < _MIN_IN_HALF, 1 - half, half)
    usable = (counts.sum(1) >= _MIN_LABELLED) & (counts[rows, half] >= _MIN_IN_HALF)
    outside = ~(labelled & members[half])[:, :, None]
    low = np.where(outside, np.inf, keypoints[:, :, :2]).min(1)
    high = np.where(outside, -np.inf, keypoints[:, :, :2]).max(1)
    with np.errstate(invalid="ignore"):
        size = np.maximum((high - low) * _HALF_BODY_SIZE, 1)
        boxes = np.concatenate([(low + high) / 2 - size / 2, size], axis=1)
    return np.where(usable[:, None], boxes, bbox)


def recolor(image: np.ndarray, color: np.ndarray) -> np.ndarray:
    """uint8 [H,W,3] with its brightness, contrast and saturation (`color` [3]) changed, and clipped to 0..255.

    Saturation mixes a pixel with its own luma, contrast with the mean luma of the image. Both, and brightness, are one
    linear map of red, green and blue.
    """
    brightness, contrast, saturation = color
    mix = saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), _LUMA)
    offset = brightness * (1 - contrast) * np.dot(_LUMA, cv2.mean(image)[:3])
    return cv2.transform(image, np.column_stack([brightness * contrast * mix, np.full(3, offset)]))
