"""Stand-ins that do nothing, for the classes and functions that a checkpoint names and that aren't tensors'.

MMEngine's checkpoints hold its log buffers, numpy's arrays and more. Torch's unpickler refuses any name that it doesn't
know; here each gets a stand-in instead, so that nothing is imported or called, and the tensors are read all the same.
"""

from __future__ import annotations

import pickletools
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

LEGACY_PICKLES = 5  # in a file of torch before 1.6: a magic number, the protocol, the system, the content, the keys
# Torch's unpickler puts items into plain containers alone: what to make for classes whose names end so.
CONTAINERS: tuple[tuple[tuple[str, ...], Callable[[], Any]], ...] = (
    (("dict", "Dict", "CfgNode"), OrderedDict),
    (("list", "List", "deque"), list),
)


class Inert:
    """Whatever it is called with or told to become, it does nothing."""

    make: Callable[[], Any] | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(cls) if cls.make is None else cls.make()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def inert_globals(path: Path) -> list[Any]:
    """A stand-in, a class, for each name in a torch file; for `torch.serialization.safe_globals`, which prefers torch's own.

    The file is disassembled, not unpickled.
    """
    return [_stand_in(module, name) for module, name in sorted(_names(path))]


def _stand_in(module: str, name: str) -> type[Inert]:
    make = next((make for ends, make in CONTAINERS if name.endswith(ends)), None)
    body = {"__module__": module, "make": None if make is None else staticmethod(make)}
    return type(name, (Inert,), body)


def _names(path: Path) -> set[tuple[str, str]]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            return {name for _ in range(LEGACY_PICKLES) for name in _names_in_pickle(file)}
        archive = zipfile.ZipFile(file)
        pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
        return {found for name in pickles for found in _names_in_pickle(archive.open(name))}


def _names_in_pickle(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    """Module and name of each class and function, also as Python 3 calls them: torch knows some of those."""
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            yield module, name
            yield NAME_MAPPING.get((module, name)) or (IMPORT_MAPPING.get(module, module), name)
