"""The table that every dataset is: annotations in numpy arrays, without pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from raypose.data.coco_format import to_coco
from raypose.errors import RayPoseError

# The arrays of a table, some of which may be None.
BY_INSTANCE = ("bbox", "keypoints", "area", "ids", "weights", "box_scores", "head_size")
BY_IMAGE = ("image_ids", "groups", "sizes", "crowd_index")


@dataclass(frozen=True)
class DatasetInfo:
    """What a dataset's K keypoints are. Indices count from 0.

    Example:
        >>> info = DatasetInfo(("nose", "l_ear", "r_ear"), flip_pairs=((1, 2),), sigmas=(0.05, 0.05, 0.05))
        >>> info.flip_order
        array([0, 2, 1])
    """

    names: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]  # of OKS, per keypoint
    skeleton: tuple[tuple[int, int], ...] = ()
    category: str = "object"
    upper_body: tuple[int, ...] = ()  # indices; the others are the lower body. Empty: halves are not known
    colors: tuple[tuple[int, int, int], ...] = ()  # red, green, blue of each keypoint, for drawing

    @property
    def flip_order(self) -> np.ndarray:
        """[K] int: `keypoints[:, flip_order]` are those of the mirrored image."""
        order = np.arange(len(self.names))
        for left, right in self.flip_pairs:
            order[left], order[right] = right, left
        return order


@dataclass(frozen=True)
class KeypointTable:
    """N instances in M images; all pixels are in original images, (x, y), pixel centres at integers.

    Example:
        >>> train, val = table.split(0.2, seed=0)
        >>> len(train) + len(val) == len(table)
        True
    """

    paths: list[str]  # [M] image files
    image_index: np.ndarray  # [N] int64: the image of each instance
    bbox: np.ndarray  # [N,4] float32: x, y, width, height
    keypoints: np.ndarray  # [N,K,3] float32: x, y, visibility (0 not labelled, 1 occluded, 2 visible)
    area: np.ndarray  # [N] float32: pixels of the object, as OKS wants
    ids: np.ndarray  # [N] int64: COCO's annotation ids
    image_ids: np.ndarray  # [M] COCO's image ids
    groups: np.ndarray  # [M] images of one group are never split apart
    info: DatasetInfo
    sizes: np.ndarray | None = None  # [M,2] int64: width, height, where the annotation file tells
    ignored: list[dict[str, Any]] = field(default_factory=list)  # COCO annotations: crowds, objects without keypoints
    weights: np.ndarray | None = None  # [N] how often an instance comes in an epoch of training; default: once
    box_scores: np.ndarray | None = None  # [N] of boxes that a detector found
    truth: KeypointTable | None = None  # what is labelled, in the same M images, where the instances are boxes found
    head_size: np.ndarray | None = None  # [N] pixels, as PCKh wants
    crowd_index: np.ndarray | None = None  # [M] CrowdPose's, 0..1

    def __len__(self) -> int:
        return len(self.image_index)

    def subset(self, instances: ArrayLike | None = None, *, images: ArrayLike | None = None) -> KeypointTable:
        """The table of some instances (indices or a mask, order kept), or of all instances of some images.

        Images that no chosen instance lies in are dropped, with what was ignored in them. Of a table with `truth` this
        holds for `instances` alone: of the images that are asked for even those stay in which a detector found nothing.
        """
        if images is not None:
            kept = np.unique(np.arange(len(self.paths))[np.asarray(images)])
            rows = np.flatnonzero(np.isin(self.image_index, kept))
        else:
            rows = np.arange(len(self)) if instances is None else np.arange(len(self))[np.asarray(instances)]
        if images is None or self.truth is None:
            kept = np.unique(self.image_index[rows])
        truth = self.truth
        if truth is not None:
            truth = truth._taken(np.flatnonzero(np.isin(truth.image_index, kept)), kept)
        return replace(self._taken(rows, kept), truth=truth)

    def split(
        self, fraction: float, *, groups: ArrayLike | None = None, seed: int = 0
    ) -> tuple[KeypointTable, KeypointTable]:
        """(train, val), where val has about `fraction` of the instances; whole images, and whole groups, stay together.

        `groups` [M] stands for the table's own.

        Raises:
            RayPoseError: the fraction is not in (0, 1), or there is only one group.
        """
        if not 0 < fraction < 1:
            raise RayPoseError(f"0 < split < 1 must hold, but got split={fraction}", rule="split-range")
        names, group = np.unique(self.groups if groups is None else np.asarray(groups), return_inverse=True)
        if len(names) < 2:
            raise RayPoseError(
                f"a split needs two groups of images or more, but all {len(self.paths)} are in group '{names[0]}'",
                hint="choose another group_by, or none",
                rule="split-groups",
            )
        counts = np.bincount(group[self.image_index], minlength=len(names))
        order = np.random.default_rng(seed).permutation(len(names))
        short = np.abs(np.cumsum(counts[order])[:-1] - fraction * len(self))
        held_out = np.isin(group, order[: 1 + np.argmin(short)])
        return self.subset(images=~held_out), self.subset(images=held_out)

    def to_coco(self) -> dict[str, Any]:
        """COCO's ground truth of these images, `ignored` included, as pycocotools and faster-coco-eval read it."""
        return to_coco(self)

    def _taken(self, rows: np.ndarray, images: np.ndarray) -> KeypointTable:
        """Some rows, all of which lie in `images`, and these images; both are indices, those of images in order."""
        by_row = {name: getattr(self, name) for name in BY_INSTANCE}
        by_image = {name: getattr(self, name) for name in BY_IMAGE}
        left = set(self.image_ids[images].tolist())
        return replace(
            self,
            paths=[self.paths[i] for i in images],
            image_index=np.searchsorted(images, self.image_index[rows]),
            ignored=[each for each in self.ignored if each["image_id"] in left],
            **{name: values[rows] for name, values in by_row.items() if values is not None},
            **{name: values[images] for name, values in by_image.items() if values is not None},
        )
