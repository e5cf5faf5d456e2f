"""From the `data` section of a configuration to tables, and to batches of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from raypose import config
from raypose.data.crops import Needs, Progress, prepare
from raypose.data.loader import Batches
from raypose.data.table import KeypointTable
from raypose.errors import Problem, RayPoseError
from raypose.registry import DATASETS, offer, parameters


def build_datasets(data: config.Data | dict[str, Any]) -> tuple[KeypointTable, KeypointTable, KeypointTable | None]:
    """(train, val, test or None); `val: {split: 0.2, group_by: ...}` takes its part from `train`.

    Raises:
        RayPoseError: a dataset cannot be read or split, or the three don't have the same keypoints.

    Example:
        >>> train, val, test = build_datasets({"train": {"type": "SyntheticPeople"}, "val": {"split": 0.2}})
    """
    section = _section(data)
    bad = section.on_bad_sample
    if "type" in section.val:
        train, val = _train(section.train, on_bad_sample=bad), build_table(section.val, on_bad_sample=bad)
    else:
        train, val = _split(section.train, config.read(config.Split, section.val), bad)
    test = None if section.test is None else build_table(section.test, on_bad_sample=bad)
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
    bad = section.on_bad_sample
    if part == "test" and section.test is None:
        raise RayPoseError("the configuration has no data.test", rule="missing-key")
    if part == "test" or "type" in section.val:
        return build_table(getattr(section, part), on_bad_sample=bad)
    train, val = _split(section.train, config.read(config.Split, section.val), bad)
    return train if part == "train" else val


def build_batches(
    data: config.Data,
    table: KeypointTable,
    batch_size: int,
    *,
    augmented: bool,
    threads: int = 1,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Batches:
    """Batches of a table as the `data` section wants them; their `table` lacks what cannot be read.

    Raises:
        RayPoseError: images that cannot be read, unless `data.on_bad_sample` is `skip`.

    Example:
        >>> build_batches(data, build_dataset(data, "val"), batch_size=32, augmented=False)
    """
    table, pixels = prepare(
        table,
        Needs.of(data, augmented),
        store=data.store,
        on_bad_sample=data.on_bad_sample,
        threads=threads,
        progress=progress,
    )
    augment = data.augment if augmented else None
    return Batches(table, pixels, data.input_size, batch_size, data.padding, augment, threads, device)


def check_same_keypoints(train: KeypointTable, others: dict[str, KeypointTable | None]) -> None:
    """Raises RayPoseError unless all `others`, by their names, have the keypoints of `train`."""
    check_same_names(train.info.names, {name: other.info.names for name, other in others.items() if other is not None})


def check_same_names(names: Sequence[str], others: Mapping[str, Sequence[str]], first: str = "train") -> None:
    """Raises RayPoseError unless all `others` have the keypoints' names of the dataset called `first`."""
    problems = [
        Problem(
            f"{first} and {name} must have the same keypoints, but {first} has {', '.join(names)}; "
            f"{name} has {', '.join(other)}",
            rule="keypoints-differ",
        )
        for name, other in others.items()
        if list(other) != list(names)
    ]
    if problems:
        raise RayPoseError(problems)


def _section(data: config.Data | dict[str, Any]) -> config.Data:
    return data if isinstance(data, config.Data) else config.read(config.Data, data)


def build_table(cfg: dict[str, Any], **defaults: Any) -> KeypointTable:
    """The table of a dataset component; `defaults` are arguments of one that takes them and gives none.

    Raises:
        RayPoseError: it cannot be built, or returns something else.

    Example:
        >>> len(build_table({"type": "SyntheticPeople", "num_images": 8}).paths)
        8
    """
    given = {key: value for key, value in defaults.items() if value is not None}
    table = DATASETS.build(offer(cfg, DATASETS, **given) if isinstance(cfg, Mapping) and "type" in cfg else cfg)
    if not isinstance(table, KeypointTable):
        raise RayPoseError(
            f"a dataset returns a raypose.data.KeypointTable, but {cfg['type']} returned a {type(table).__name__}",
            rule="dataset-type",
        )
    return table


def _train(cfg: dict[str, Any], **defaults: Any) -> KeypointTable:
    table = build_table(cfg, **defaults)
    if table.truth is not None:
        message = "nothing to learn from: a detector's boxes have no labels"
        raise RayPoseError(message, hint="give bbox_file to data.val and data.test alone", rule="detections")
    return table


def _split(cfg: dict[str, Any], split: config.Split, bad: str) -> tuple[KeypointTable, KeypointTable]:
    if split.group_by is not None and "group_by" not in parameters(DATASETS.get(cfg["type"])):
        raise RayPoseError(f"{cfg['type']} takes no group_by", hint="split without it", rule="unknown-argument")
    own = {key: value for key, value in cfg.items() if key != "group_by" or split.group_by is None}
    return _train(own, group_by=split.group_by, on_bad_sample=bad).split(split.split, seed=split.seed)
