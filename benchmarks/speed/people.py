"""The instances that all parts work on, and batches of them: COCO's people where they are, else drawn ones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from raypose import config
from raypose.data import Batches, CocoKeypoints, KeypointTable, SyntheticPeople, build_batches
from raypose.data.crops import Needs
from raypose.data.crops.reading import Reading
from raypose.data.crops.regions import Regions
from raypose.data.pixels import PixelReader

# Ranges as in MMPose's configurations for heatmaps (RandomBBoxTransform, RandomHalfBody), and colour, which those lack.
AUGMENT = config.Augment(flip=0.5, rotation=80, scale=0.5, shift=0.16, half_body=0.3, color=0.2)
DATA = config.Data(train={}, val={}, input_size=(192, 256), augment=AUGMENT)
HEATMAPS = (17, 64, 48)


def people(instances: int) -> KeypointTable:
    """So many rows: the same people again where they don't suffice, each with pixels of its own to read."""
    table = _coco_mini() or SyntheticPeople(num_images=200, image_size=(640, 480))
    rows = table.subset(np.resize(np.arange(len(table)), instances))
    return replace(rows, ids=np.arange(1, instances + 1))


def batches(
    table: KeypointTable, batch_size: int, *, store: bool = True, threads: int = 2, device: str = "cpu"
) -> Batches:
    """Augmented batches for training, from the store or, each time anew, from the images."""
    data = replace(DATA, store=store)
    found = build_batches(data, table, batch_size, augmented=True, threads=threads, device=device)
    if not store:
        found.pixels = Reading(found.table, Regions.of(found.table, Needs.of(data, augmented=True)), PixelReader(0))
    return found


def _coco_mini() -> KeypointTable | None:
    folder = Path(os.environ.get("RAYPOSE_DATA", "")) / "coco-mini"
    annotations = folder / "annotations" / "person_keypoints_train2017.json"
    return CocoKeypoints(str(annotations), img_prefix=str(folder / "train2017")) if annotations.is_file() else None
