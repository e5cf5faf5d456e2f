"""The crop store: every instance's region is cut from its image once a machine, and mapped by all trials there.

`needs` says what is to be kept, `regions` which part of each image that is, `build` cuts it, `store` is what lies on the
disk, `cache` finds and bounds all of them, `reading` cuts the same regions on the fly where nothing may be kept.
"""

from __future__ import annotations

from raypose.data.crops.build import Progress
from raypose.data.crops.needs import Needs
from raypose.data.crops.preparing import Pixels, prepare
from raypose.data.crops.store import CropStore

__all__ = ["CropStore", "Needs", "Pixels", "Progress", "prepare"]
