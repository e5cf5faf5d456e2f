"""One trial: a configuration becomes datasets, a model, an optimizer, and is trained. The whole way on one page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

from raypose import config as sections
from raypose import metrics
from raypose.data import Progress, build_batches, build_datasets
from raypose.evaluation import validation
from raypose.files import DISK_FULL, cache_folder, write_json
from raypose.model_folder import save_weights
from raypose.models.builder import build_model
from raypose.models.fingerprint import fingerprint
from raypose.models.measured import Trained, measured
from raypose.optim import build_optimizer, build_schedule
from raypose.pictures import Pictures
from raypose.samples import Samples
from raypose.space.constraints import Constraint
from raypose.training import checkpoints
from raypose.training.callbacks import Checkpoint, KeepBest, Report
from raypose.training.fastest import Probe
from raypose.training.gpu_memory import count_from_here
from raypose.training.precision import Precision, layout
from raypose.training.run import Run
from raypose.training.settled import settle
from raypose.training.trainer import Trainer
from raypose.training.trial_folder import TrialFolder, read_metrics

logger = logging.getLogger("raypose")


def train(config: dict[str, Any], run: Run, progress: Progress | None = None) -> None:
    """Train the configuration and report every epoch; the best weights so far lie in `run.dir`, a model folder.
    `progress` is told how far the cutting of crops is, if there are none yet.

    Example:
        >>> train(Space.load("config.yaml").config(), Run(seed=0, dir=Path("out"), report=print))
    """
    torch.set_num_threads(run.threads)
    cv2.setNumThreads(1)  # `Batches` has threads of its own
    data = sections.read(sections.Data, config["data"])
    training = sections.read(sections.Training, config.get("training"))
    tune = sections.read(sections.Tune, config.get("tune"))

    # Data: tables of annotations, and batches of the crops that are kept of their images.
    train_table, val_table, _ = build_datasets(replace(data, test=None))
    metrics.check(training.metrics, val_table)
    batches = partial(build_batches, data, threads=run.threads, device=run.device, progress=progress)
    train_batches = batches(train_table, training.batch_size, augmented=True)
    val_batches = batches(val_table, max(training.batch_size, 32), augmented=False)
    info = train_table.info

    # Model, optimizer, schedule, each from its section.
    torch.manual_seed(run.seed)
    model = build_model(config["model"], len(info.names), data.input_size, info=info)
    model.to(run.device).to(memory_format=layout(model, run.device))
    optimizer = build_optimizer(config["optimizer"], model, unmatched=lambda error: logger.warning("%s", error))
    schedule = build_schedule(training.lr_schedule, optimizer, training.epochs, len(train_batches))
    built = fingerprint(model, optimizer)
    TrialFolder(run.dir).update_meta({"fingerprint": built, "threads": run.threads})

    # Measured here: the fastest number format, and what the model costs, as far as the search asks for it.
    probe = Probe(model, run.device, training.batch_size, data.input_size, len(info.names))
    name = settle(training.precision, probe, built["model"], run.dir, cache_folder() / "precision.json")
    precision, ema = Precision(name, run.device), training.ema is not None
    trained = Trained(model, optimizer, data.input_size, training.batch_size, ema, run.device, precision.autocast)
    costs = _costs(tune, trained, run.dir)

    # Training: epochs, each validated; the best weights are kept, and a checkpoint to go on from.
    validate = validation(training, val_batches, precision)
    samples = Samples(run.dir / "samples", val_batches, training.metrics)
    pictures = Pictures(val_batches, run.show, precision.autocast)

    def keep(best: torch.nn.Module, epoch: int, values: dict[str, float]) -> None:
        save_weights(best, info, data.input_size, epoch, run.dir / "weights.pt", precision=name, threads=run.threads)
        write_json(run.dir / "metrics.json", {"epoch": epoch, **values})
        predictions = metrics.coco_results(validate.table, validate.keypoints, validate.scores)
        write_json(run.dir / "predictions.json", predictions)
        with optional("samples"):
            samples.write(validate.keypoints, validate.scores)
        with optional("pictures"):
            pictures.show(best, epoch, validate.keypoints)

    goal = tune.goals[sections.leading(tune.goals)]
    trainer = Trainer(
        model, optimizer, schedule, train_batches, evaluate=lambda model: {**costs, **validate(model)},
        device=run.device, seed=run.seed, grad_clip=training.grad_clip, ema=training.ema, precision=precision,
        compile=training.compile,
        callbacks=[KeepBest(goal.metric, goal.mode, keep), Checkpoint(run.dir / "checkpoints"), Report(run)],
    )  # fmt: skip
    if run.checkpoint is not None:
        trainer.load_state_dict(checkpoints.load(run.checkpoint))
        logger.info("continuing after epoch %d", trainer.epoch)
        run.report(trainer.epoch, trainer.metrics)  # the last start may have ended before it could
    count_from_here(run.device)
    trainer.fit(training.epochs)


@contextmanager
def optional(what: str) -> Iterator[None]:
    """What is for who looks on must not end a training, unless the disk is full, where it goes on later."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        logger.warning("no %s of this epoch", what, exc_info=True)


def _costs(tune: sections.Tune, trained: Trained, folder: Path) -> dict[str, float]:
    """The costs that objectives and constraints name. A trial that goes on has been measured."""
    constraints = [Constraint.parse(text, known=None) for text in tune.constraints]
    named = {*(goal.metric for goal in tune.goals), *(name for each in constraints for name in each.names)}
    told = next(iter(read_metrics(folder)), {})
    known = {name: told[name] for name in sections.COSTS if name in told}
    return known | measured((named & {*sections.COSTS}) - known.keys(), trained)
