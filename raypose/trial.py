"""One trial: a configuration becomes datasets, a model, an optimizer, and is trained. The whole way on one page."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import torch

from raypose import config as sections
from raypose import metrics
from raypose.data import Progress, build_batches, build_dataset, build_datasets
from raypose.errors import RayPoseError
from raypose.files import cache_folder, write_json
from raypose.model_folder import load, read_config, save_weights
from raypose.models.builder import build_model
from raypose.models.fingerprint import fingerprint
from raypose.models.measured import Trained, measured
from raypose.optim import build_optimizer, build_schedule
from raypose.registry import DATASETS
from raypose.space.constraints import Constraint
from raypose.training import checkpoints
from raypose.training.callbacks import Checkpoint, KeepBest, Report
from raypose.training.fastest import Probe
from raypose.training.gpu_memory import count_from_here
from raypose.training.precision import Precision
from raypose.training.run import Run
from raypose.training.settled import settle
from raypose.training.trainer import Trainer
from raypose.training.trial_folder import TrialFolder, read_metrics
from raypose.training.validation import Validation

logger = logging.getLogger("raypose")


def train(config: dict[str, Any], run: Run, progress: Progress | None = None) -> None:
    """Train the configuration and report every epoch; the best weights so far lie in `run.dir`, a model folder.
    `progress` is told how far the cutting of crops is, if there are none yet.

    Example:
        >>> train(Space.load("config.yaml").config(), Run(seed=0, dir=Path("out"), report=print))
    """
    torch.set_num_threads(run.threads)
    cv2.setNumThreads(1)  # `Batches` has threads of its own
    training = sections.read(sections.Training, config.get("training"))
    tune = sections.read(sections.Tune, config.get("tune"))
    goal = tune.goals[sections.leading(tune.goals)]
    data = sections.read(sections.Data, config["data"])

    # Data: tables of annotations, and batches of the crops that are kept of their images.
    train_table, val_table, _ = build_datasets(replace(data, test=None))
    metrics.check(training.metrics, val_table)
    info = train_table.info
    batches = partial(build_batches, data, threads=run.threads, device=run.device, progress=progress)
    train_batches = batches(train_table, training.batch_size, augmented=True)
    val_batches = batches(val_table, max(training.batch_size, 32), augmented=False)

    # Model, optimizer, schedule, each from its section.
    torch.manual_seed(run.seed)
    model = build_model(config["model"], len(info.names), data.input_size, info=info)
    model.to(run.device)
    optimizer = build_optimizer(config["optimizer"], model, unmatched=lambda error: logger.warning("%s", error))
    built = fingerprint(model, optimizer)
    TrialFolder(run.dir).update_meta({"fingerprint": built})
    schedule = build_schedule(training.lr_schedule, optimizer, training.epochs, len(train_batches))

    probe = Probe(model, run.device, training.batch_size, data.input_size, len(info.names))
    name = settle(training.precision, probe, built["model"], run.dir, cache_folder() / "precision.json")
    precision = Precision(name, run.device)
    validation = Validation(
        val_batches.table,
        val_batches,
        partial(metrics.evaluate, training.metrics),
        run.device,
        precision.autocast,
        info.flip_pairs if training.flip_test else None,
        training.shift_heatmap,
    )

    def keep(best: torch.nn.Module, epoch: int, values: dict[str, float]) -> None:
        save_weights(best, info, data.input_size, epoch, run.dir / "weights.pt")
        write_json(run.dir / "metrics.json", {"epoch": epoch, **values})
        predictions = metrics.coco_results(validation.table, validation.keypoints, validation.scores)
        write_json(run.dir / "predictions.json", predictions)

    trainer = Trainer(
        model, optimizer, schedule, train_batches, evaluate=lambda model: {**costs, **validation(model)},
        device=run.device, seed=run.seed, grad_clip=training.grad_clip, ema=training.ema, precision=precision,
        compile=training.compile,
        callbacks=[KeepBest(goal.metric, goal.mode, keep), Checkpoint(run.dir / "checkpoints"), Report(run)],
    )  # fmt: skip

    # What the model costs, as far as the search asks for it; a trial that goes on has been measured.
    told = next(iter(read_metrics(run.dir)), {})
    costs = {name: told[name] for name in sections.COSTS if name in told}
    ema = training.ema is not None
    trained = Trained(model, optimizer, data.input_size, training.batch_size, ema, run.device, precision.autocast)
    costs |= measured(_asked_for(tune) - costs.keys(), trained)

    if run.checkpoint is not None:
        trainer.load_state_dict(checkpoints.load(run.checkpoint))
        logger.info("continuing after epoch %d", trainer.epoch)
        run.report(trainer.epoch, trainer.metrics)  # the last start may have ended before it could
    count_from_here(run.device)
    trainer.fit(training.epochs)


def _asked_for(tune: sections.Tune) -> set[str]:
    """The costs that objectives and constraints name."""
    constraints = [Constraint.parse(text, known=None) for text in tune.constraints]
    named = {*(goal.metric for goal in tune.goals), *(name for each in constraints for name in each.names)}
    return named & {*sections.COSTS}


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
) -> Evaluation:
    """Evaluate the model in `folder` on a part of its data (train, val, test) or on `dataset`.

    Raises:
        RayPoseError: no model folder, no such part, or a dataset with other keypoints.
    """
    model, config = load(folder, device, plugins), read_config(folder, expand=dataset is None)
    training = sections.read(sections.Training, config.get("training"))
    data = sections.read(sections.Data, config["data"])
    table = build_dataset(data, part) if dataset is None else DATASETS.build(dataset)
    names = model.meta["info"]["names"]
    if list(table.info.names) != list(names):
        raise RayPoseError(f"the model predicts {', '.join(names)}, but the dataset has {', '.join(table.info.names)}")
    metrics.check(training.metrics, table)
    kept = data.store and dataset is None and part != "test"  # what is read once is not worth keeping
    batches = build_batches(replace(data, store=kept), table, 32, augmented=False, device=device)
    pairs = table.info.flip_pairs if training.flip_test else None
    autocast = Precision(training.precision, device).autocast
    validation = Validation(
        batches.table,
        batches,
        partial(metrics.evaluate, training.metrics),
        device,
        autocast,
        pairs,
        training.shift_heatmap,
    )
    values, found = validation(model), (validation.table, validation.keypoints, validation.scores)
    each = metrics.per_keypoint(training.metrics, *found) if per_keypoint else {}
    return Evaluation(values, metrics.coco_results(*found), each)
