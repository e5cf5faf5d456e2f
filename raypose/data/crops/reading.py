"""The same crops as a store's, decoded and cut whenever one is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from raypose.data.crops.regions import Regions, cut
from raypose.data.pixels import PixelReader
from raypose.data.table import KeypointTable


@dataclass(frozen=True)
class Reading:
    """Decoded images stay in memory as far as the reader's cache goes. Any thread may ask.

    Example:
        >>> pixels, matrix = Reading(table, Regions.of(table, needs)).read(0)
    """

    table: KeypointTable
    regions: Regions
    reader: PixelReader = field(default_factory=PixelReader)

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """As `CropStore.read`.

        Raises:
            RayPoseError: the image cannot be read.
        """
        image = self.reader.read(self.table.paths[self.table.image_index[row]])
        return cut(image, self.regions.rect[row], float(self.regions.zoom[row]))

    def touch(self) -> None:
        """Nothing is kept that could go."""
