"""The Optuna study of an experiment: one journal file, the one truth about every trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raypose.errors import RayPoseError

if TYPE_CHECKING:
    import optuna

FILE_NAME = "study.journal"
STUDY_NAME = "raypose"


def storage(folder: Path, repair: bool = False) -> optuna.storages.BaseStorage:
    """The journal storage of the experiment in `folder`.

    `repair` cuts a last line that a kill has torn back to the last newline, which else the next append would corrupt for
    good; only the process that owns the search may do that.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / FILE_NAME
    lock = JournalFileSymlinkLock(str(path), grace_period=5)
    backend = JournalFileBackend(str(path), lock)
    if repair:
        lock.acquire()
        try:
            _cut_torn_line(path)
        finally:
            lock.release()
    return optuna.storages.JournalStorage(backend)


def load_study(folder: Path) -> optuna.Study:
    """The study of an experiment, to read.

    Raises:
        RayPoseError: the folder is no experiment.
    """
    if not (folder / FILE_NAME).exists():
        raise RayPoseError(f"{folder} is not an experiment: it has no {FILE_NAME}", rule="missing-experiment")
    import optuna

    return optuna.load_study(study_name=STUDY_NAME, storage=storage(folder))


def _cut_torn_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with open(path, "r+b") as file:
            file.truncate(whole)
