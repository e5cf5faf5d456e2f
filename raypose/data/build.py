"""From the `data` section of a configuration to tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from raypose import config
from raypose.data.table import KeypointTable
from raypose.errors import Problem, RayPoseError
from raypose.registry import DATASETS, parameters


def build_datasets(data: config.Data | dict[str, Any]) -> tuple[KeypointTable, KeypointTable, KeypointTable | None]:
    """(train, val, test or None); `val: {split: 0.2, group_by: ...}` takes its part from `train`.

    Raises:
        RayPoseError: a dataset cannot be read or split, or the three don't have the same keypoints.

    Example:
        >>> train, val, test = build_datasets({"train": {"type": "SyntheticPeople"}, "val": {"split": 0.2}})
    """
    section = _section(data)
    if "type" in section.val:
        train, val = _build(section.train), _build(section.val)
    else:
        train, val = _split(section.train, config.read(config.Split, section.val))
    test = None if section.test is None else _build(section.test)
    check_same_keypoints(train, {"val": val, "test": test})
    return train, val, test


def build_dataset(data: config.Data | dict[str, Any], part: Literal["train", "val", "test"]) -> KeypointTable:
    """One part, as `build_datasets` gives it; no more is read than it takes.

    Raises:
        RayPoseError: there is no `test`, or the dataset cannot be read or split.

    Example:
        >>> val = build_dataset({"train": {"type": "SyntheticPeople"}, "val": {"split": 0.2}}, "val")
    """
    section = _section(data)
    if part == "test" and section.test is None:
        raise RayPoseError("the configuration has no data.test", rule="missing-key")
    if part == "test" or "type" in section.val:
        return _build(getattr(section, part))
    train, val = _split(section.train, config.read(config.Split, section.val))
    return train if part == "train" else val


def check_same_keypoints(train: KeypointTable, others: dict[str, KeypointTable | None]) -> None:
    """Raises RayPoseError unless all `others`, by their names, have the keypoints of `train`."""
    check_same_names(train.info.names, {name: other.info.names for name, other in others.items() if other is not None})


def check_same_names(train: Sequence[str], others: Mapping[str, Sequence[str]]) -> None:
    """Raises RayPoseError unless all `others` have the keypoints' names of `train`."""
    problems = [
        Problem(
            f"train and {name} must have the same keypoints, but train has {', '.join(train)}; "
            f"{name} has {', '.join(other)}",
            rule="keypoints-differ",
        )
        for name, other in others.items()
        if list(other) != list(train)
    ]
    if problems:
        raise RayPoseError(problems)


def _section(data: config.Data | dict[str, Any]) -> config.Data:
    return data if isinstance(data, config.Data) else config.read(config.Data, data)


def _split(cfg: dict[str, Any], split: config.Split) -> tuple[KeypointTable, KeypointTable]:
    if split.group_by is not None and "group_by" not in parameters(DATASETS.get(cfg["type"])):
        raise RayPoseError(f"{cfg['type']} takes no group_by", hint="split without it", rule="unknown-argument")
    given = {} if split.group_by is None else {"group_by": split.group_by}
    return _build({**cfg, **given}).split(split.split, seed=split.seed)


def _build(cfg: dict[str, Any]) -> KeypointTable:
    table = DATASETS.build(cfg)
    if not isinstance(table, KeypointTable):
        raise RayPoseError(
            f"a dataset returns a raypose.data.KeypointTable, but {cfg['type']} returned a {type(table).__name__}",
            rule="dataset-type",
        )
    return table
