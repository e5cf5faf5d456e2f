"""How good a model is: what a training asks after each epoch, and what a model folder comes to later."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from raypose import config as sections
from raypose import metrics
from raypose.data import Batches, build_batches, build_dataset
from raypose.errors import RayPoseError
from raypose.model_folder import load, read_config
from raypose.registry import DATASETS
from raypose.training.fastest import formats
from raypose.training.precision import Precision
from raypose.training.validation import Validation


class Evaluation(NamedTuple):
    """What a model comes to on a dataset."""

    metrics: dict[str, float]
    predictions: list[dict[str, Any]]  # COCO results
    per_keypoint: dict[str, dict[str, float]]  # by metric and keypoint, where asked for


def evaluate(
    folder: Path,
    part: Literal["train", "val", "test"] = "val",
    dataset: dict[str, Any] | None = None,
    device: str = "cpu",
    plugins: bool = True,
    per_keypoint: bool = False,
    every: bool = False,
) -> Evaluation:
    """Evaluate the model in `folder` on a part of its data (train, val, test) or on `dataset`, by the metrics of its
    configuration; `every`: by all others that can measure the dataset, too.

    Raises:
        RayPoseError: no model folder, no such part, or a dataset with other keypoints.
    """
    model, config = load(folder, device, plugins), read_config(folder, expand=dataset is None)
    training = sections.read(sections.Training, config.get("training"))
    data = sections.read(sections.Data, config["data"])
    table = build_dataset(data, part) if dataset is None else DATASETS.build(dataset)
    names = model.meta["info"]["names"]
    if list(table.info.names) != list(names):
        raise RayPoseError(
            f"the model predicts {', '.join(names)}, but the dataset has {', '.join(table.info.names)}",
            rule="keypoints-differ",
        )
    metrics.check(training.metrics, table)
    kept = data.store and dataset is None and part != "test"  # what is read once is not worth keeping
    threads = torch.get_num_threads()
    batches = build_batches(replace(data, store=kept), table, 32, augmented=False, threads=threads, device=device)
    validate = validation(training, batches, precision_of(training.precision, model.meta.get("precision"), device))
    values, found = validate(model), (validate.table, validate.keypoints, validate.scores)
    others = metrics.beyond(training.metrics, found[0]) if every else []
    values = metrics.with_more(values, others, lambda cfg: _finite(metrics.evaluate([cfg], *found)))
    each = metrics.per_keypoint(training.metrics, *found) if per_keypoint else {}
    if per_keypoint:
        each = metrics.with_more(each, others, lambda cfg: metrics.per_keypoint([cfg], *found))
    return Evaluation(values, metrics.coco_results(*found), each)


def _finite(values: dict[str, float]) -> dict[str, float]:
    """Without what nothing was measured of, such as the AP of sizes that no object has."""
    return {name: value for name, value in values.items() if math.isfinite(value)}


def validation(training: sections.Training, batches: Batches, precision: Precision) -> Validation:
    """What evaluates a model on `batches` as the `training` section wants it.

    Example:
        >>> validation(training, batches, Precision("fp32", "cpu"))(model.eval())
        {'loss': 0.0012, 'AP': 0.62, ...}
    """
    return Validation(
        batches.table,
        batches,
        partial(metrics.evaluate, training.metrics),
        batches.device,
        precision.autocast,
        batches.table.info.flip_pairs if training.flip_test else None,
        training.shift_heatmap,
    )


def precision_of(wanted: str, trained: str | None, device: str) -> Precision:
    """As in the model's training, so that what was said of it then comes out again, where the device is made for that."""
    return Precision(trained if wanted == "auto" and trained in formats(device) else wanted, device)
