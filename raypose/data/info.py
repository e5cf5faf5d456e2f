"""What a dataset's keypoints are, without reading more of it than that takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from raypose.data.table import DatasetInfo
from raypose.registry import DATASETS, offer

Dataset = TypeVar("Dataset", bound=Callable)


def tells_info(info: Callable[..., DatasetInfo]) -> Callable[[Dataset], Dataset]:
    """A decorator of a dataset: `info`, which is called with the dataset's arguments, says what its keypoints are. It names
    those that it reads, and takes the others as `**others`."""

    def mark(dataset: Dataset) -> Dataset:
        setattr(dataset, "info", info)  # noqa: B010  # a function has no attribute of that name for a type checker
        return dataset

    return mark


def dataset_info(cfg: Mapping[str, Any], **defaults: Any) -> DatasetInfo:
    """The `info` of the dataset that a configuration names; one that doesn't tell it is built for it. `defaults` are
    arguments such as `on_bad_sample` of one that takes them and gives none.

    Raises:
        RayPoseError: the dataset cannot be read.

    Example:
        >>> len(dataset_info({"type": "SyntheticPeople"}).names)
        17
    """
    cfg = offer(cfg, DATASETS, **{key: value for key, value in defaults.items() if value is not None})
    told = getattr(DATASETS.get(cfg["type"]), "info", None)
    if told is None:
        return DATASETS.build(cfg).info
    return told(**{key: value for key, value in cfg.items() if key != "type"})
