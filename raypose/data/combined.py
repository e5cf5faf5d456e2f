"""Several datasets as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from raypose.data.bad_samples import OnBadSample
from raypose.data.build import build_table, check_same_names
from raypose.data.info import dataset_info, tells_info
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.errors import RayPoseError
from raypose.registry import DATASETS


def combined_info(
    datasets: list[dict[str, Any]],
    sample_ratio_factor: list[float] | None = None,
    on_bad_sample: OnBadSample | None = None,
    **others: Any,
) -> DatasetInfo:
    """What the keypoints of `CombinedDataset` are: those of the first dataset, and the others' names are the same."""
    _check(datasets, sample_ratio_factor)
    return _same([dataset_info(each, on_bad_sample=on_bad_sample) for each in datasets])


@DATASETS.register_module()
@tells_info(combined_info)
def CombinedDataset(
    datasets: list[dict[str, Any]],
    sample_ratio_factor: list[float] | None = None,
    group_by: str | None = None,
    on_bad_sample: OnBadSample | None = None,
) -> KeypointTable:
    """Datasets with the same keypoints, one after the other. Instances and images are numbered anew.

    Flip pairs, sigmas and the like are those of the first.

    Args:
        datasets: components, as `data.train` would have them.
        sample_ratio_factor: for each dataset how often its instances come in an epoch, 0.5 for every other one.
        group_by: that of those datasets that give none. Images of different datasets never share a group.
        on_bad_sample: likewise.

    Raises:
        RayPoseError: no datasets, other keypoints, factors that don't fit, or a dataset that cannot be read.

    Example:
        >>> CombinedDataset([{"type": "SyntheticPeople"}, {"type": "SyntheticPeople", "seed": 1}], [1, 0.5])
    """
    _check(datasets, sample_ratio_factor)
    tables = [build_table(each, group_by=group_by, on_bad_sample=on_bad_sample) for each in datasets]
    _same([table.info for table in tables])
    if sample_ratio_factor is not None:
        tables = [_times(table, factor) for table, factor in zip(tables, sample_ratio_factor, strict=True)]
    return join(tables)


def join(tables: Sequence[KeypointTable]) -> KeypointTable:
    """Tables of the same keypoints as one. What only some of them know is left out, but weights and scores are 1."""
    truth = None
    if any(table.truth is not None for table in tables):
        labelled = [table if table.truth is None else table.truth for table in tables]
        truth = join([replace(table, weights=None, box_scores=None, truth=None) for table in labelled])
    lengths, images = [len(table) for table in tables], [len(table.paths) for table in tables]
    first = np.cumsum([0, *images])
    return KeypointTable(
        paths=[path for table in tables for path in table.paths],
        image_index=np.concatenate([table.image_index + start for table, start in zip(tables, first, strict=False)]),
        ids=np.arange(1, sum(lengths) + 1),
        image_ids=np.arange(1, first[-1] + 1),
        groups=np.array([f"{i}:{group}" for i, table in enumerate(tables) for group in table.groups.tolist()]),
        info=tables[0].info,
        ignored=_ignored(tables, first),
        truth=truth,
        bbox=np.concatenate([table.bbox for table in tables]),
        keypoints=np.concatenate([table.keypoints for table in tables]),
        area=np.concatenate([table.area for table in tables]),
        sizes=_known(tables, "sizes"),
        head_size=_known(tables, "head_size"),
        crowd_index=_known(tables, "crowd_index"),
        weights=_or_ones(tables, "weights"),
        box_scores=_or_ones(tables, "box_scores"),
    )


def _check(datasets: list[dict[str, Any]], factors: list[float] | None) -> None:
    if not datasets:
        raise RayPoseError("datasets must hold at least one", rule="wrong-value")
    if factors is not None and (len(factors) != len(datasets) or not all(0 < each < np.inf for each in factors)):
        message = f"sample_ratio_factor must be {len(datasets)} positive numbers, one a dataset, but got {factors}"
        raise RayPoseError(message, rule="wrong-value")


def _same(infos: list[DatasetInfo]) -> DatasetInfo:
    others = {f"datasets.{i}": info.names for i, info in enumerate(infos[1:], start=1)}
    check_same_names(infos[0].names, others, "datasets.0")
    return infos[0]


def _times(table: KeypointTable, factor: float) -> KeypointTable:
    return replace(table, weights=factor * (np.ones(len(table)) if table.weights is None else table.weights))


def _ignored(tables: Sequence[KeypointTable], first: np.ndarray) -> list[dict[str, Any]]:
    """With the joined table's image ids, and ids after those of its instances."""
    ids, found = count(1 + sum(map(len, tables))), []
    for table, start in zip(tables, first.tolist(), strict=False):
        image = {id_: number for number, id_ in enumerate(table.image_ids.tolist(), start=start + 1)}
        found += [{**each, "id": next(ids), "image_id": image[each["image_id"]]} for each in table.ignored]
    return found


def _known(tables: Sequence[KeypointTable], name: str) -> np.ndarray | None:
    values = [getattr(table, name) for table in tables]
    return None if any(each is None for each in values) else np.concatenate(values)


def _or_ones(tables: Sequence[KeypointTable], name: str) -> np.ndarray | None:
    values = [getattr(table, name) for table in tables]
    if all(each is None for each in values):
        return None
    return np.concatenate([np.ones(len(t)) if each is None else each for t, each in zip(tables, values, strict=True)])
