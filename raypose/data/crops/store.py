"""A store on disk: the crops of a table's instances, which any number of processes read from the same pages of memory.

A folder with three files: `pixels.bin` (uint8, one crop after the other, rows of red, green, blue), `index.npy` (a `ROW`
for each instance) and `store.json` (what it is, the sum of the index, and when it was last used: the file's time).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raypose.data.crops.needs import Needs
from raypose.data.crops.regions import Regions
from raypose.errors import Problem, RayPoseError

VERSION = 1  # of the format, and of what the pixels are; raise it when either changes
ROW = np.dtype(
    [
        ("offset", "<i8"),
        ("height", "<i4"),  # 0: the image could not be read
        ("width", "<i4"),
        ("crc", "<u4"),  # zlib.crc32 of the crop
        ("rect", "<i4", 4),  # as in `Regions`
        ("zoom", "<f4"),
        ("matrix", "<f8", (2, 3)),  # pixels of the original image to pixels of the crop
    ]
)
PIXELS, INDEX, ABOUT = "pixels.bin", "index.npy", "store.json"


class Damaged(RayPoseError):
    """A store that is not as it was built."""


@dataclass(frozen=True)
class CropStore:
    """An open store. `read(row)` gives a view of the mapped file, not to be written to.

    Example:
        >>> pixels, matrix = CropStore.open(folder).read(0)
    """

    folder: Path
    about: dict[str, Any]
    index: np.ndarray
    pixels: np.ndarray

    @classmethod
    def open(cls, folder: Path) -> CropStore:
        """Raises Damaged: no store, one of another version, or one whose index or size is not what it was built with."""
        try:
            about = json.loads((folder / ABOUT).read_bytes())
            _require(about["version"] == VERSION, folder, f"it is of version {about['version']}, not {VERSION}")
            written = (folder / INDEX).read_bytes()
            _require(zlib.crc32(written) == about["index_crc"], folder, "its index is not the one that was written")
            index = np.load(io.BytesIO(written), allow_pickle=False)
            size = (folder / PIXELS).stat().st_size
            ends = index["offset"] + 3 * index["height"].astype(np.int64) * index["width"]
            _require(
                size == about["bytes"] == max(1, int(ends.max(initial=0))), folder, f"it has {size} bytes of pixels"
            )
            pixels = np.memmap(folder / PIXELS, np.uint8, mode="r")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{folder}: no store of crops that can be read ({error})", rule="crop-store") from None
        return cls(folder, about, index, pixels)

    def __len__(self) -> int:
        return len(self.index)

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [h,w,3] of an instance, and the matrix [2,3] from pixels of its original image to pixels of that."""
        entry = self.index[row]
        start, height, width = int(entry["offset"]), int(entry["height"]), int(entry["width"])
        return self.pixels[start : start + 3 * height * width].reshape(height, width, 3), entry["matrix"]

    @property
    def regions(self) -> Regions:
        return Regions(self.index["rect"], self.index["zoom"])

    @property
    def needs(self) -> Needs:
        return Needs.from_json(self.about["needs"])

    @property
    def bytes(self) -> int:
        """On the disk."""
        return self.about["bytes"] + (self.folder / INDEX).stat().st_size

    @property
    def used(self) -> float:
        """When it was last used, in seconds since 1970."""
        return (self.folder / ABOUT).stat().st_mtime

    def touch(self) -> None:
        """Note that it is used now; of a store of somebody else's that cannot be."""
        with contextlib.suppress(OSError):
            os.utime(self.folder / ABOUT)

    def verify(self) -> list[Problem]:
        """The crops whose sum is not the one that was written."""
        wrong = [row for row in range(len(self)) if zlib.crc32(self.read(row)[0].data) != self.index["crc"][row]]
        if not wrong:
            return []
        message = f"{len(wrong)} of {len(self)} crops are damaged, the first one that of row {wrong[0]}"
        return [Problem(message, str(self.folder), rule="crop-store", hint="remove it with raypose data clear")]


def crc(file: Path) -> int:
    return zlib.crc32(file.read_bytes())


def _require(holds: bool, folder: Path, otherwise: str) -> None:
    if not holds:
        raise Damaged(f"{folder}: {otherwise}", rule="crop-store")
