"""A search that another process runs, followed by what it writes into its experiment folder."""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from raypose import journal
from raypose.config import Training
from raypose.errors import RayPoseError
from raypose.files import last_json_line
from raypose.reporting.epochs import goals
from raypose.reporting.repeats import REPEAT_BEST
from raypose.reporting.snapshot import NUM_TRIALS, Snapshot
from raypose.space import Space

LOCK = ".lock"


def is_running(folder: Path) -> bool:
    """Whether a process, here or on another machine, holds the experiment's lock."""
    try:
        with open(folder / LOCK) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def since(folder: Path) -> datetime | None:
    """When the search was started last: then it took its lock."""
    try:
        return datetime.fromtimestamp((folder / LOCK).stat().st_mtime)
    except FileNotFoundError:
        return None


class Lengths:
    """How many epochs trials are to have, each read once from its configuration.

    Example:
        >>> Lengths(Path("experiments/quickstart")).of(7)
        12
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[int, int | None] = {}

    def of(self, number: int) -> int | None:
        """None where that isn't known (yet)."""
        if number not in self._known and (config := self._config(number)) is not None:
            training = config.get("training") or {}
            epochs = training.get("epochs", Training.epochs if "model" in config else None)
            self._known[number] = epochs if isinstance(epochs, int) else None
        return self._known.get(number)

    def _config(self, number: int) -> dict[str, Any] | None:
        file = self.folder / "trials" / f"{number:04d}" / "config.yaml"
        try:
            return Space.load(file, expand=False).config() if file.exists() else None
        except RayPoseError:
            return None


class Followed:
    """The experiment in a folder, again and again; only what is new in its journal is read again.

    Raises:
        RayPoseError: the folder is no experiment.

    Example:
        >>> followed = Followed(Path("experiments/quickstart"))
        >>> followed.snapshot().summary
        '12/18 trials, 5 pruned, best AP 0.31 (trial 7)'
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.lengths = folder, Lengths(folder)
        self._study: Any = None
        if not folder.is_dir():
            raise RayPoseError(f"there is no folder {folder}", rule="missing-experiment")
        self._open()

    def snapshot(self) -> Snapshot | None:
        """None while a search has begun, but has no trial yet."""
        if self._study is None:
            self._open()
        if self._study is None:
            return None
        trials = self._study.get_trials(deepcopy=False)
        runs, running = is_running(self.folder), [trial.number for trial in trials if trial.state.name == "RUNNING"]
        return Snapshot(
            trials,
            goals(self._study),
            self._total,
            {number: last_json_line(self._folder(number) / "metrics.jsonl") for number in running},
            {number: self.lengths.of(number) for number in running},
            since(self.folder),
            datetime.now() if runs else _ended(trials),
            repeat_best=self._study.user_attrs.get(REPEAT_BEST, 1),
            is_running=runs,
        )

    def _open(self) -> None:
        try:
            self._study = journal.load_study(self.folder)
        except RayPoseError as error:
            if not is_running(self.folder) or error.problems[0].rule != "missing-experiment":
                raise

    @property
    def _total(self) -> int | None:
        """An experiment of an older RayPose has it in its space only."""
        known, file = self._study.user_attrs.get(NUM_TRIALS), self.folder / "space.yaml"
        if known is None and file.exists():
            known = (Space.load(file, expand=False).default().get("tune") or {}).get(NUM_TRIALS)
        return known

    def _folder(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:04d}"


def _ended(trials: Sequence[Any]) -> datetime:
    return max((each.datetime_complete for each in trials if each.datetime_complete), default=datetime.now())
