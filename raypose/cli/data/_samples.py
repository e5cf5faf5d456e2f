"""A sheet of samples: what `raypose data show` draws."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from raypose import config
from raypose.cli.data import _cells
from raypose.data import Batch, Batches, DatasetInfo, KeypointTable, Needs, PixelReader
from raypose.data.crops.reading import Reading
from raypose.data.crops.regions import Regions
from raypose.data.drawing import Cell, Row, draw_target, sheet
from raypose.data.quality import check_images, without_bad
from raypose.kinds import agreed
from raypose.models.connect import connect, make_codec_and_loss
from raypose.models.outputs import map_parts, shape, stages
from raypose.proof.workshop import Workshop
from raypose.reporting.words import counted

AUGMENTED = 3
MOST_NUMBERED = 30
MOST_HEIGHT, MOST_WIDTH = 256, 320  # of a picture, pixels


def draw_samples(
    title: str, model: dict[str, Any], data: config.Data, table: KeypointTable, num: int, seed: int
) -> np.ndarray:
    """uint8 [H,W,3]: instances of `table` chosen by `seed`, a row each."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(table), min(num, len(table)), replace=False))
    chosen, reader = replace(table.subset(rows), weights=None), PixelReader()
    chosen = without_bad(chosen, check_images(chosen), data.on_bad_sample)
    pixels = Reading(chosen, Regions.of(chosen, Needs.of(data, augmented=True)), reader)
    batches = partial(Batches, chosen, pixels, data.input_size, len(chosen), data.padding)
    plain = next(batches().epoch())
    augmented = [next(batches(augment=data.augment).epoch(rng)) for _ in range(AUGMENTED)]
    codec, kind, targets = _targets(model, data, plain, table.info)
    width, height = data.input_size
    tall = min(MOST_HEIGHT, round(MOST_WIDTH * height / width))
    few = len(table.info.names) <= MOST_NUMBERED

    def cells(row: int) -> list[Cell]:
        image = reader.read(chosen.paths[chosen.image_index[row]])
        made = [_cells.original(image, chosen, plain, row, tall), _cells.crop(chosen, plain, row, tall, numbers=few)]
        picture = draw_target(kind, _cells.pixels(plain, row), *_of(targets, row), table.info, tall)
        made += [] if picture is None else [Cell(picture, _sizes(targets[0]))]
        for batch in augmented:
            at = int(np.flatnonzero(batch.index == row)[0])
            change = _cells.change(batch.inverse[at], plain.inverse[row])
            made.append(_cells.crop(chosen, batch, at, tall, change))
        return made

    drawn = [Row(_title(chosen, row), cells(row)) for row in range(len(chosen))]
    columns = ["image, with box and crop", f"input, {width}x{height}", f"target, {codec}", "augmented"]
    columns = columns if len(drawn[0].cells) > 2 + AUGMENTED else [*columns[:2], columns[3]]
    return sheet(f"{title}, {len(chosen)} of {counted(len(table), 'instance')}", columns, drawn, table.info)


def _targets(
    model: dict[str, Any], data: config.Data, batch: Batch, info: DatasetInfo
) -> tuple[str, str | None, tuple[Any, Tensor]]:
    """The codec's name, the kind of its targets, and what it makes of the batch: targets and weights."""
    facts = (model, len(info.names), data.input_size, info)
    parts = Workshop().once("model", (), lambda: connect(*facts))  # takes no memory for weights, where that can be
    own = getattr(parts.keypoint_head, "codec", None)
    codec = make_codec_and_loss(*facts)["codec"] if own is None or own is parts.codec else own
    targets = codec.encode(batch.keypoints, batch.visible, shape(stages(parts.output)[-1]))
    return type(codec).__name__, agreed(parts.keypoint_head, codec), targets


def _of(targets: tuple[Any, Tensor], row: int) -> tuple[Any, np.ndarray]:
    return map_parts(lambda part: part[row].numpy(), targets[0]), targets[1][row].numpy()


def _sizes(targets: Any) -> str:
    """Of the targets of a keypoint: `48x64` of a heatmap, `384, 512` of bins, nothing of coordinates."""
    parts = [targets] if isinstance(targets, Tensor) else list(targets)
    sizes = [part.shape[2:][-2:] for part in parts if part.shape[2:] != (2,)]
    return ", ".join("x".join(map(str, reversed(size))) for size in sizes)


def _title(table: KeypointTable, row: int) -> str:
    path, (_, _, width, height) = Path(table.paths[table.image_index[row]]), table.bbox[row]
    labelled = int((table.keypoints[row, :, 2] > 0).sum())
    return (
        f"{path.parent.name}/{path.name}   id {table.ids[row]}   box {width:.0f}x{height:.0f}   "
        f"{labelled} of {len(table.info.names)} keypoints labelled"
    )
