"""The stores of crops that are kept on this machine, damaged ones too, under names that people can type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raypose.errors import RayPoseError, nearest

if TYPE_CHECKING:
    from raypose.data.crops import CropStore


def kept() -> tuple[list[CropStore], dict[Path, RayPoseError]]:
    """Those that can be read, last used first; the folders of the others, and why they can't."""
    from raypose.data.crops import CropStore
    from raypose.data.crops.cache import folders
    from raypose.data.crops.store import Damaged

    stores: list[CropStore] = []
    damaged: dict[Path, RayPoseError] = {}
    for folder in folders():
        try:
            stores.append(CropStore.open(folder))
        except Damaged as error:
            damaged[folder] = error
    return sorted(stores, key=lambda store: store.used, reverse=True), damaged


def name(folder: Path) -> str:
    """Of a store: as long as it takes to tell any two apart that people have."""
    return f"{folder.parent.name[:8]}-{folder.name[:4]}"


def chosen(names: tuple[str, ...], folders: list[Path]) -> list[Path]:
    """The folders of some stores, each given by its name, the beginning of it, or its folder.

    Raises:
        RayPoseError: there is none of that name.
    """
    found: dict[Path, None] = {}
    for given in names:
        same = [folder for folder in folders if folder == Path(given).absolute() or name(folder) == given]
        same = same or [folder for folder in folders if given and name(folder).startswith(given)]
        if not same:
            hint = nearest(given, map(name, folders)) or "none are kept"
            raise RayPoseError(f"no crops are kept under '{given}'", hint=hint, rule="unknown-store")
        found |= dict.fromkeys(same)
    return list(found)
