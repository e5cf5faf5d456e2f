"""What a node looks at, in a process of its own there, before the first trial: `preflight` asks it on every node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from raypose.errors import RayPoseError
from raypose.reporting.words import counted

Found = tuple[str, str]  # the kind of what is amiss, a key of preflight.HINTS, and the text
TOKEN = "token"


@dataclass(frozen=True)
class Wanted:
    """What every node must have.

    `experiment` is a folder; `files` are annotation files and image folders, each with its key in a space first; `plugins`
    what a trial loads, and the user's own name of it.
    """

    experiment: str
    files: tuple[tuple[str, str], ...] = ()
    plugins: Mapping[str, str] = field(default_factory=dict)


def look(wanted: Wanted, meeting: str, node: str, gpus: int) -> list[Found]:
    """What is amiss on this node.

    Args:
        meeting: a folder within the experiment's, with the file `token`; a file of the name `node` is left beside it.
        gpus: how many torch must see.
    """
    return [*_folder(wanted, Path(meeting), node), *_files(wanted), *_plugins(wanted), *lacking_gpus(gpus)]


def lacking_gpus(asked: int) -> Iterator[Found]:
    """Whether torch sees as many GPUs here as Ray believes that there are."""
    if asked:
        import torch

        if (seen := torch.cuda.device_count()) < asked:
            yield "gpu", f"Ray counts {counted(asked, 'GPU')}, but torch {torch.__version__} sees {seen}"


def _folder(wanted: Wanted, meeting: Path, node: str) -> Iterator[Found]:
    try:
        (meeting / node).write_text((meeting / TOKEN).read_text())
    except OSError as error:
        if (meeting / TOKEN).exists():
            yield "folder", f"{wanted.experiment} cannot be written to: {error.strerror}"
        elif Path(wanted.experiment).exists():
            yield "folder", f"{wanted.experiment} is another folder than here"
        else:
            yield "folder", f"there is no {wanted.experiment}"


def _files(wanted: Wanted) -> Iterator[Found]:
    from raypose.check.rules import FILES

    for key, path in wanted.files:
        what, exists = FILES[key]
        if not exists(Path(path)):
            yield "data", f"no such {what}: {path}"


def _plugins(wanted: Wanted) -> Iterator[Found]:
    from raypose.plugins import load_plugins, with_own_names

    kept = wanted.plugins
    if missing := [own for name, own in kept.items() if name.endswith(".py") and not Path(name).exists()]:
        yield "plugin", f"the copies of {', '.join(missing)} in {wanted.experiment} are not there"
        return
    try:
        load_plugins(list(kept))
    except RayPoseError as error:
        for problem in error.problems:
            yield "plugin", with_own_names(str(problem), kept)
