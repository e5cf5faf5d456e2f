"""The Optuna study of a search, opened to be written."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import optuna

from raypose import journal
from raypose.config import Goal


def open_study(
    folder: Path, goals: Sequence[Goal], pruner: optuna.pruners.BasePruner | None = None
) -> tuple[optuna.Study, optuna.storages.BaseStorage]:
    """The study in an experiment's folder, made if there is none, and its storage, in which a trial's id is its number."""
    storage = journal.storage(folder, write=True)
    study = optuna.create_study(
        study_name=journal.STUDY_NAME,
        storage=storage,
        pruner=pruner or optuna.pruners.NopPruner(),
        directions=["maximize" if goal.mode == "max" else "minimize" for goal in goals],
        load_if_exists=True,
    )
    if study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([goal.metric for goal in goals])
    return study, storage
