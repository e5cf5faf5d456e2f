"""Random changes of the training images, drawn for a whole batch at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from raypose.config import Augment
from raypose.data.table import DatasetInfo

# Half-body crops need this many labelled keypoints in all, this many in the half that is kept, and are this much larger
# than the keypoints' own box (MMPose's TopDownHalfBodyTransform, which follows MSPN, arXiv:1901.00148).
_MIN_LABELLED, _MIN_IN_HALF, _HALF_BODY_SIZE = 8, 3, 1.5
# Erased rectangles: parts of the crop's area, and ratios of height to width (Zhong et al. 2017, "Random Erasing",
# arXiv:1708.04896, section 3.2).
_ERASED_AREA, _ERASED_LOG_RATIO = (0.02, 0.33), (math.log(0.3), math.log(3.3))


@dataclass(frozen=True)
class Draw:
    """What happens to each of N crops; see `geometry.crop_matrices`."""

    bbox: np.ndarray
    flip: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    color: np.ndarray  # [N,3] factors of brightness, contrast and saturation
    erased: np.ndarray  # [N,4] x, y, width, height of a rectangle, in parts of the crop; 0 wide where there is none

    @property
    def changes(self) -> dict[str, np.ndarray]:
        """Those that `geometry.crop_matrices` makes."""
        return {"rotation": self.rotation, "scale": self.scale, "shift": self.shift, "flip": self.flip}


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
        erased=_rectangles(rng, n) * (rng.random(n) < augment.erasing)[:, None],
    )


def _rectangles(rng: np.random.Generator, n: int) -> np.ndarray:
    area, ratio = rng.uniform(*_ERASED_AREA, n), np.exp(rng.uniform(*_ERASED_LOG_RATIO, n))
    size = np.minimum(np.sqrt(np.stack([area / ratio, area * ratio], axis=1)), 1)
    return np.concatenate([rng.random((n, 2)) * (1 - size), size], axis=1)


def half_body_boxes(bbox: np.ndarray, keypoints: np.ndarray, info: DatasetInfo, half: np.ndarray) -> np.ndarray:
    """[N,4] boxes around the labelled keypoints of the upper (`half` 0) or lower (1) body.

    Where one half has too few keypoints the other is taken; where the whole body has, the box stays. So it does where
    `info` knows no upper body.
    """
    labelled = keypoints[:, :, 2] > 0
    if not info.upper_body:
        return bbox
    upper = np.isin(np.arange(len(info.names)), info.upper_body)
    members = np.array([upper, ~upper])
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
