"""The Optuna study of an experiment: one journal file, the one truth about every trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raypose.errors import RayPoseError

if TYPE_CHECKING:
    import optuna

FILE_NAME = "study.journal"
STUDY_NAME = "raypose"


def storage(folder: Path, write: bool = False) -> optuna.storages.BaseStorage:
    """The journal storage of the experiment in `folder`, to read; `write`: to write, too, and to mend what a kill has torn,
    which only the process that owns the search may do."""
    import optuna

    from raypose.journal_file import OneWriter

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = OneWriter if write else optuna.storages.journal.JournalFileBackend
    return optuna.storages.JournalStorage(backend(str(folder / FILE_NAME)))


def load_study(folder: Path) -> optuna.Study:
    """The study of an experiment, to read.

    Raises:
        RayPoseError: the folder is no experiment.
    """
    if not (folder / FILE_NAME).exists():
        raise RayPoseError(f"{folder} is not an experiment: it has no {FILE_NAME}", rule="missing-experiment")
    import optuna

    try:
        return optuna.load_study(study_name=STUDY_NAME, storage=storage(folder))
    except KeyError:  # killed before its first record was whole
        raise RayPoseError(f"{folder} is an experiment without trials", rule="missing-experiment") from None
