"""Small trials: of the mouse, where it is, and of drawn people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from raypose import Space

MODEL = """\
model:
  backbone: {type: HourglassNet, num_stacks: 1, downsample_times: 4, feat_channel: 24, growth: 1.0, stage_blocks: 1}
  keypoint_head: {type: HeatmapHead, num_deconv_filters: 32}
optimizer: {type: AdamW, lr: 5e-3, weight_decay: 0.01, paramwise_cfg: {norm_decay_mult: 0}}
"""
MOUSE = """\
name: mouse
data:
  train: {type: CocoKeypoints, ann_file: "${RAYPOSE_DATA}/openfield-mouse/annotations/train.json",
          img_prefix: "${RAYPOSE_DATA}/openfield-mouse/images"}
  val: {type: CocoKeypoints, ann_file: "${RAYPOSE_DATA}/openfield-mouse/annotations/val.json",
        img_prefix: "${RAYPOSE_DATA}/openfield-mouse/images"}
  input_size: [128, 128]
  augment: {rotation: 90, scale: 0.2}
training: {epochs: 30, batch_size: 8, lr_schedule: {type: CosineAnnealingLR, warmup: 0.05}, ema: 0.95, grad_clip: 5.0}
tune: {metric: EPE}
"""
SYNTHETIC = """\
name: synthetic
data:
  train: {type: SyntheticPeople, num_images: 320}
  val: {type: SyntheticPeople, num_images: 100, split: val}
  input_size: [96, 128]
  augment: {rotation: 15, scale: 0.15, shift: 0.03, color: 0.1}
training: {epochs: 12, batch_size: 16, lr_schedule: {type: CosineAnnealingLR, warmup: 0.1}, ema: 0.97, grad_clip: 5.0}
tune: {metric: AP}
"""


def configuration(name: str) -> dict[str, Any]:
    return Space.parse({"mouse": MOUSE, "synthetic": SYNTHETIC}[name] + MODEL, folder=Path.cwd()).config()


def mouse_is_there() -> bool:
    return (Path(os.environ.get("RAYPOSE_DATA", "")) / "openfield-mouse").is_dir()
