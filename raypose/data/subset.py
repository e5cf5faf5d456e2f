"""A part of a dataset, for a quick look or a learning curve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from raypose.data.bad_samples import OnBadSample
from raypose.data.build import build_table
from raypose.data.coco_format import to_coco
from raypose.data.info import dataset_info, tells_info
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.errors import RayPoseError
from raypose.registry import DATASETS


def subset_info(
    dataset: Any,
    fraction: float | None = None,
    num_instances: int | None = None,
    seed: int = 0,
    on_bad_sample: OnBadSample | None = None,
    **others: Any,
) -> DatasetInfo:
    """What the keypoints of `Subset` are."""
    _check(fraction, num_instances, seed)
    return dataset_info(dataset, on_bad_sample=on_bad_sample)


@DATASETS.register_module()
@tells_info(subset_info)
def Subset(
    dataset: Any,
    fraction: float | None = None,
    num_instances: int | None = None,
    seed: int = 0,
    group_by: str | None = None,
    on_bad_sample: OnBadSample | None = None,
) -> KeypointTable:
    """Some instances of a dataset, drawn by `seed`; of two subsets with the same seed the larger holds the smaller.

    Who is not drawn but seen in the same image is `ignored`: no miss, and no mistake if it is found. Of a dataset with
    `bbox_file` whole images are drawn instead, with all boxes in them, until there are enough labelled instances.

    Args:
        dataset: a component, as `data.train` would have it.
        fraction: of the labelled instances; give it or `num_instances`.
        group_by: that of the dataset, if it gives none.
        on_bad_sample: likewise.

    Raises:
        RayPoseError: not exactly one of the two, more instances than there are, or the dataset cannot be read.

    Example:
        >>> len(Subset({"type": "SyntheticPeople"}, num_instances=100))
        100
    """
    _check(fraction, num_instances, seed)
    table = build_table(dataset, group_by=group_by, on_bad_sample=on_bad_sample)
    total = len(table if table.truth is None else table.truth)
    wanted = num_instances or max(1, round(total * (fraction or 0)))
    if wanted > total:
        raise RayPoseError(f"num_instances <= {total}, all there are, must hold, but got {wanted}", rule="wrong-value")
    rng = np.random.default_rng(seed)
    return _some_people(table, wanted, rng) if table.truth is None else _some_images(table, wanted, rng)


def _some_people(table: KeypointTable, wanted: int, rng: np.random.Generator) -> KeypointTable:
    drawn, others = np.split(rng.permutation(len(table)), [wanted])
    chosen = table.subset(np.sort(drawn))
    beside = others[np.isin(table.image_index[others], table.image_index[drawn])]
    seen = to_coco(replace(table.subset(beside), ignored=[]))["annotations"]
    # COCO's evaluation compares with the keypoints of such an annotation, and ignores it for its `num_keypoints`.
    return replace(chosen, ignored=[*chosen.ignored, *({**each, "num_keypoints": 0} for each in seen)])


def _some_images(table: KeypointTable, wanted: int, rng: np.random.Generator) -> KeypointTable:
    order = rng.permutation(len(table.paths))
    counts = np.bincount(table.truth.image_index, minlength=len(order))[order]  # type: ignore[union-attr]
    return table.subset(images=order[: 1 + np.searchsorted(np.cumsum(counts), wanted)])


def _check(fraction: float | None, num_instances: int | None, seed: int) -> None:
    if (fraction is None) == (num_instances is None):
        message = "a subset needs either fraction or num_instances"
        raise RayPoseError(f"{message}, but got {fraction} and {num_instances}", rule="wrong-value")
    if fraction is not None and not 0 < fraction <= 1:
        raise RayPoseError(f"0 < fraction <= 1 must hold, but got {fraction}", rule="wrong-value")
    if (num_instances is not None and num_instances < 1) or seed < 0:
        message = f"num_instances >= 1 and seed >= 0 must hold, but got {num_instances} and {seed}"
        raise RayPoseError(message, rule="wrong-value")
