"""Checkpoints and weights on disk: written whole or not at all, read without running code."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from raypose.errors import RayPoseError

PATTERN = "epoch_*.pt"


def save(state: Any, path: Path) -> None:
    """Write `state` (tensors and plain Python values) so that `path` holds all of it or what it held before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(scratch, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def load(path: Path, device: str = "cpu") -> Any:
    """Read what `save` wrote, if it is as it was written; nothing in the file can run code.

    Raises:
        RayPoseError: no such file, not a file of ours, or a damaged one.
    """
    try:
        _verify(path)
        return torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise RayPoseError(f"{path}: no such file", rule="missing-file") from None
    except Exception as error:  # of a damaged file anything may be raised
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RayPoseError(f"{path}: not a readable checkpoint ({first_line})", rule="bad-checkpoint") from error


def save_epoch(state: Any, folder: Path, epoch: int, keep: int = 2) -> Path:
    """Write the checkpoint of an epoch into `folder` and remove all but the last `keep`."""
    path = folder / f"epoch_{epoch:04d}.pt"
    save(state, path)
    for old in sorted(folder.glob(PATTERN))[:-keep]:
        old.unlink(missing_ok=True)
    return path


def newest(folder: Path) -> Path | None:
    """The newest readable checkpoint in `folder`; a damaged one is passed over for the one before."""
    for path in sorted(folder.glob(PATTERN), reverse=True):
        try:
            load(path)
        except RayPoseError:
            continue
        return path
    return None


def _verify(path: Path) -> None:
    # torch writes zip files, which have a checksum a record, but does not look at them when it reads.
    with zipfile.ZipFile(path) as file:
        if (damaged := file.testzip()) is not None:
            raise ValueError(f"{damaged} is damaged: its checksum is another one")
