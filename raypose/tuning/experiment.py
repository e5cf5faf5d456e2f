"""The experiment folder when a search starts: made new, or opened again for a resume of the same space."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from raypose import journal
from raypose.errors import RayPoseError
from raypose.files import write_text
from raypose.plugins import keep_plugins, load_plugins
from raypose.space import Space, difference
from raypose.tuning.faults.lock import locked


def open_folder(space: Space, experiments: Path, config: dict[str, Any], resume: bool) -> Path:
    """The folder `experiments/NAME`, made if there is none.

    Raises:
        RayPoseError: there is one and `resume` was not asked for, or none where it was, or its space is another one.
    """
    name = str(config.get("name", "search"))
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise RayPoseError(f"name must be a folder's: letters, digits, _ . -, but got '{name}'", rule="bad-name")
    folder = (experiments / name).resolve()
    exists = (folder / journal.FILE_NAME).exists()
    if exists and not resume and not _begun(folder):
        (folder / journal.FILE_NAME).unlink()
        exists = False
    if exists and not resume:
        raise RayPoseError(
            f"experiment {folder} exists already",
            hint="add --resume to go on with it, or give the space another name",
            rule="experiment-exists",
        )
    if resume and not exists:
        raise RayPoseError(
            f"there is no experiment to resume in {folder}",
            hint="leave out --resume to start it",
            rule="missing-experiment",
        )
    if exists:
        _refuse_changed_space(space, folder)
    try:
        (folder / "trials").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RayPoseError(
            f"{folder} cannot be made: {error.strerror}",
            hint="--experiments DIR names another place",
            rule="file-write",
        ) from error
    return folder


def keep_space(space: Space, folder: Path, config: dict[str, Any], resume: bool) -> dict[str, str]:
    """Keep the space as written and the users' modules as they are; returns what a worker loads, with the user's names.

    Raises:
        RayPoseError: a module is no longer what the experiment was started with.
    """
    names = config.get("plugins") or []
    load_plugins(names)
    known = set((folder / "plugins").glob("*/*"))
    plugins = keep_plugins(names, folder / "plugins")
    if resume and (new := [name for name in plugins if name.endswith(".py") and Path(name) not in known]):
        for name in new:
            shutil.rmtree(Path(name).parent)
        raise RayPoseError(
            f"{', '.join(Path(name).name for name in new)} changed since {folder} was started",
            hint=f"undo the change (the modules as they were: {folder / 'plugins'}), or give the space another name",
            rule="changed-plugin",
        )
    write_text(folder / "space.yaml", space.text)
    return dict(zip(plugins, names, strict=True))


def _begun(folder: Path) -> bool:
    """Whether an experiment has a trial: one that failed before its first is no experiment yet.

    Raises:
        RayPoseError: it is being run.
    """
    with locked(folder):
        try:
            return any(trial.state.name != "WAITING" for trial in journal.load_study(folder).get_trials(deepcopy=False))
        except RayPoseError:  # no record is whole
            return False


def kept_space(folder: Path, beside: Space) -> Space | None:
    """The space that an experiment was started with, its paths read from where `beside` lies; None where none is kept."""
    kept = folder / "space.yaml"
    if not kept.exists():
        return None
    home = Path(beside.file).resolve().parent if Path(beside.file).exists() else Path.cwd()
    return Space.parse(kept.read_text(), str(kept), home)


def _refuse_changed_space(space: Space, folder: Path) -> None:
    kept = kept_space(folder, space)
    if kept is not None and (changed := difference(kept, space)):
        raise RayPoseError(
            f"the space is not the one that {folder} was started with; changed: {', '.join(changed)}",
            hint=f"undo the change (the space as it was: {kept.file}), or give the space another name",
            rule="changed-space",
        )
