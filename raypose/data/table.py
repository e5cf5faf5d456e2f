"""The table that every dataset is: annotations in numpy arrays, without pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from raypose.errors import RayPoseError


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

    def __len__(self) -> int:
        return len(self.image_index)

    def subset(self, instances: ArrayLike | None = None, *, images: ArrayLike | None = None) -> KeypointTable:
        """The table of some instances (indices or a mask, order kept), or of all instances of some images.

        Images that no chosen instance lies in are dropped, with what was ignored in them.
        """
        if images is not None:
            rows = np.flatnonzero(np.isin(self.image_index, np.arange(len(self.paths))[np.asarray(images)]))
        else:
            rows = np.arange(len(self)) if instances is None else np.arange(len(self))[np.asarray(instances)]
        kept, image_index = np.unique(self.image_index[rows], return_inverse=True)
        left = set(self.image_ids[kept].tolist())
        return replace(
            self,
            paths=[self.paths[i] for i in kept],
            image_index=image_index,
            bbox=self.bbox[rows],
            keypoints=self.keypoints[rows],
            area=self.area[rows],
            ids=self.ids[rows],
            image_ids=self.image_ids[kept],
            groups=self.groups[kept],
            sizes=None if self.sizes is None else self.sizes[kept],
            ignored=[each for each in self.ignored if each["image_id"] in left],
        )

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
        people = zip(self.ids, self.image_index, self.bbox, self.area, self.keypoints, strict=True)
        annotations = [
            {
                "id": int(id_),
                "image_id": self.image_ids[image].item(),
                "category_id": 1,
                "bbox": bbox.tolist(),
                "area": float(area),
                "iscrowd": 0,
                "keypoints": keypoints.ravel().tolist(),
                "num_keypoints": int((keypoints[:, 2] > 0).sum()),
            }
            for id_, image, bbox, area, keypoints in people
        ]
        category = {"id": 1, "name": self.info.category, "keypoints": list(self.info.names)}
        skeleton = [[a + 1, b + 1] for a, b in self.info.skeleton]
        return {
            "info": {},
            "licenses": [],
            "images": self._image_records(),
            "annotations": annotations + [dict(each) for each in self.ignored],
            "categories": [{**category, "skeleton": skeleton}],
        }

    def _image_records(self) -> list[dict[str, Any]]:
        records = [
            {"id": id_, "file_name": path} for id_, path in zip(self.image_ids.tolist(), self.paths, strict=True)
        ]
        if self.sizes is not None:
            records = [
                {**record, "width": width, "height": height}
                for record, (width, height) in zip(records, self.sizes.tolist(), strict=True)
            ]
        return records
