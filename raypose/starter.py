"""`raypose init`: a starter search space for a COCO keypoints file, with ranges that suit its size."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from raypose.data import KeypointTable
from raypose.errors import RayPoseError


class Size(NamedTuple):
    """What suits data sets of up to so many labelled instances."""

    instances: float
    epochs: int
    batch_sizes: list[int]
    trials: int


# Few instances need more passes and smaller batches.
SIZES = [
    Size(300, 40, [8, 16], 30),
    Size(3_000, 30, [16, 32], 30),
    Size(30_000, 20, [32, 64], 40),
    Size(float("inf"), 20, [64, 128], 50),
]
# What suits instances whose width is less than so many heights.
INPUT_SIZES = {
    0.6: [[96, 192], [128, 256]],
    0.85: [[96, 128], [192, 256]],
    1.2: [[128, 128], [192, 192]],
    float("inf"): [[128, 96], [256, 192]],
}

TEMPLATE = """\
# A search space for {table_size} instances with {keypoints} keypoints in {images} images.
# Try it: raypose check {file}; then: raypose tune {file}
name: {name}
seed: 0

data:
  train: {train}
  val: {val}
  input_size: {{choice: {input_sizes}}}      # width, height: the instances are about {width}x{height} pixels
  augment:
    flip: {flip}
    rotation: {{uniform: [0, 45]}}
    scale: {{uniform: [0.1, 0.4]}}

model:
  type: TopDown
  backbone:
    choice:
      - {{type: HourglassNet, num_stacks: 1, downsample_times: 4, feat_channel: {{choice: [24, 32]}}, growth: 1.4,
         stage_blocks: 1}}
      - {{type: ResNet, depth: {{choice: [18, 50]}}}}     # add pretrained: IMAGENET1K_V1 where there is a network
      - {{type: MobileNetV3, arch: small}}
  keypoint_head:
    choice:
      - {{type: HeatmapHead, codec: {{type: MSRAHeatmap, sigma: {{uniform: [1.0, 3.0]}}}},
         loss_keypoint: {{choice: [{{type: SpatialCrossEntropyLoss}}, {{type: JointsMSELoss, loss_weight: 1000.0}}]}}}}
      - {{type: IntegralRegressionHead}}

optimizer:
  choice:
    - {{type: AdamW, lr: {{loguniform: [1e-4, 1e-2]}}, paramwise_cfg: {{norm_decay_mult: 0}}, weight_decay: 0.01}}
    - {{type: SGD, lr: {{loguniform: [1e-3, 1e-1]}}, momentum: 0.9}}

training:
  epochs: {epochs}
  batch_size: {{choice: {batch_sizes}}}
  lr_schedule: {{type: CosineAnnealingLR, warmup: 0.05}}
  grad_clip: 1.0
  ema: {ema}

tune:
  metric: AP
  mode: max
  num_trials: {trials}
  sampler: {{type: TPESampler}}
  scheduler: {{type: SuccessiveHalvingPruner, min_resource: {first_rung}, reduction_factor: 3}}
"""


@dataclass(frozen=True)
class Source:
    """What a starter space is for."""

    ann_file: Path
    img_prefix: Path
    val: tuple[Path, Path] | None  # its annotation file and its images' folder
    name: str
    file: Path


def starter_space(source: Source, table: KeypointTable) -> str:
    """The YAML text of a starter space for the training instances in `table`."""
    size = next(size for size in SIZES if len(table) <= size.instances)
    width, height = np.median(table.bbox[:, 2:], axis=0)
    steps = max(1.0, len(table) * (1.0 if source.val else 0.8) / max(size.batch_sizes))  # of an epoch
    return TEMPLATE.format(
        name=json.dumps(source.name, ensure_ascii=False),  # quoted, since a name such as 2023 is no number
        file=source.file.name,
        train=_dataset(source.ann_file, source.img_prefix, source),
        val=_dataset(*source.val, source) if source.val else "{split: 0.2}",
        table_size=len(table),
        images=len(table.paths),
        keypoints=len(table.info.names),
        width=round(float(width)),
        height=round(float(height)),
        input_sizes=next(sizes for aspect, sizes in INPUT_SIZES.items() if width / height < aspect),
        flip=0.5 if table.info.flip_pairs else 0.0,
        epochs=size.epochs,
        batch_sizes=size.batch_sizes,
        trials=size.trials,
        ema=_averaging(steps),
        first_rung=_first_rung(steps, size.epochs),
    )


def _averaging(steps: float) -> float:
    """The decay of averaged weights that reach back an epoch, at most fifty steps: what reaches back further is still near
    the untrained weights when trials are first compared."""
    return round(1 - 1 / min(max(steps, 2.0), 50.0), 2)


def _first_rung(steps: float, epochs: int) -> int:
    """The epoch of the first comparison: a ninth of all, but a hundred steps where that is not yet a third."""
    return max(1, epochs // 9, min(math.ceil(100 / steps), epochs // 3))


def _dataset(ann_file: Path, img_prefix: Path, source: Source) -> str:
    return f"{{type: CocoKeypoints, ann_file: {_path(ann_file, source)}, img_prefix: {_path(img_prefix, source)}}}"


def _path(path: Path, source: Source) -> str:
    # Relative to the space file where that is short, so that the folder can be moved as a whole.
    relative = os.path.relpath(path.resolve(), source.file.resolve().parent)
    text = relative if not relative.startswith(f"..{os.sep}..") else str(path.resolve())
    return json.dumps(text, ensure_ascii=False)


def find_images(ann_file: Path) -> Path:
    """The folder near an annotation file in which its first image lies.

    Raises:
        RayPoseError: the file cannot be read, or none of the usual folders has the image.
    """
    try:
        first = str(json.loads(ann_file.read_text())["images"][0]["file_name"])
    except OSError as error:
        told = (error.strerror or str(error)).lower()
        raise RayPoseError(f"{ann_file}: {told}", hint="name a COCO keypoints file", rule="bad-annotations") from None
    except (ValueError, LookupError, TypeError) as error:
        raise RayPoseError(f"{ann_file}: not a COCO keypoints file ({error})", rule="bad-annotations") from None
    for base in (ann_file.parent, ann_file.parent.parent):
        for folder in (base, *sorted(path for path in base.iterdir() if path.is_dir())):
            if (folder / first).exists():
                return folder
    raise RayPoseError(
        f"{first} was not found near {ann_file}",
        hint="name the folder of the images: --images DIR",
        rule="image-folder",
    )
