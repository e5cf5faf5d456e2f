"""The Optuna study of an experiment: one journal file, the one truth about every trial."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from raypose.errors import Problem, RayPoseError

if TYPE_CHECKING:
    import optuna

FILE_NAME = "study.journal"
STUDY_NAME = "raypose"


def storage(folder: Path, write: bool = False) -> optuna.storages.BaseStorage:
    """The journal storage of the experiment in `folder`, to read; `write`: to write, too, and to mend what a kill has torn,
    which only the process that owns the search may do.

    Raises:
        RayPoseError: a line of it is damaged.
    """
    import optuna

    from raypose.journal_file import OneWriter
    from raypose.journal_folded import Folded

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / FILE_NAME
    if write:  # Optuna overlooks the last line, until another one follows it
        _refuse_damaged(path)
    try:
        with uncollected():
            return optuna.storages.JournalStorage(OneWriter(str(path)) if write else Folded(str(path)))
    except Exception:
        _refuse_damaged(path)
        raise


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for garbage, which takes as long as reading thousands of trials does, and finds none in them.

    Example:
        >>> with uncollected():
        ...     study = load_study(folder)
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load_study(folder: Path) -> optuna.Study:
    """The study of an experiment, to read.

    Raises:
        RayPoseError: the folder is no experiment, or its journal is damaged.
    """
    if not (folder / FILE_NAME).exists():
        raise RayPoseError(f"{folder} is not an experiment: it has no {FILE_NAME}", rule="missing-experiment")
    import optuna

    try:
        return optuna.load_study(study_name=STUDY_NAME, storage=storage(folder))
    except KeyError:  # killed before its first record was whole
        raise RayPoseError(f"{folder} is an experiment without trials", rule="missing-experiment") from None


def _refuse_damaged(path: Path) -> None:
    """Name the first line that is no record, but for a last one that a kill has torn."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    number = next((number for number, line in enumerate(lines, 1) if not _is_record(line)), None)
    if number is not None:
        message = "the journal is damaged: this line is no record"
        hint = f"restore the file from a copy, or go on with what was before: head -n {number - 1} {path}"
        raise RayPoseError(Problem(message, str(path), number, rule="damaged-journal", hint=hint))


def _is_record(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and "op_code" in record
