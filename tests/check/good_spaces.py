"""Spaces without mistakes, over the tiny data set of `tests/conftest.py`, and the plugin that one of them has."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

PLUGIN = """
import torch
from torch import nn

from raypose import BACKBONES, LOSSES, LR_SCHEDULES, METRICS, OPTIMIZER_BUILDERS, OPTIMIZERS


@BACKBONES.register_module(force=True)
class FreeBackbone(nn.Module):
    def __init__(self, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(3, kwargs.get("width", 8), 7, stride=4, padding=3)

    def forward(self, x):
        return (self.conv(x).relu(),)

    def init_weights(self, pretrained=None):
        pass


@LOSSES.register_module(force=True)
class FreeLoss(nn.Module):
    def __init__(self, scale=1.0, **kwargs):
        super().__init__()
        self.scale = scale

    def forward(self, output, target, target_weight):
        return self.scale * (output - target).abs().mean()


@OPTIMIZERS.register_module(force=True)
class FreeOptimizer(torch.optim.Adam):
    def __init__(self, params, **kwargs):
        super().__init__(params, lr=kwargs.get("lr", 0.1))


@OPTIMIZER_BUILDERS.register_module(force=True)
class FreeConstructor:
    def __init__(self, optimizer_cfg, paramwise_cfg=None):
        self.cfg = optimizer_cfg

    def __call__(self, model):
        return torch.optim.Adam(model.parameters(), lr=self.cfg["anything"]["lr"])


@LR_SCHEDULES.register_module(force=True)
class FreeSchedule(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer, **kwargs):
        if "betas" not in optimizer.defaults:
            raise ValueError("wants an optimizer with betas")
        super().__init__(optimizer)

    def get_lr(self):
        return self.base_lrs


@METRICS.register_module(force=True)
class FreeMetric:
    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, table, keypoints, scores):
        return {"mine": 1.0}
"""

FREE = """\
name: free
plugins: [free_modules.py]
data:
  train: {type: CocoKeypoints, ann_file: annotations.json, img_prefix: images}
  val: {type: CocoKeypoints, ann_file: annotations.json, img_prefix: images}
  input_size: [64, 64]
model:
  backbone: {type: FreeBackbone, width: {choice: [8, 16]}, anything: {goes: [1, {deep: true}]}, depth: 49, lr: 1e5}
  keypoint_head: {type: HeatmapHead, num_deconv_layers: 0}
  loss_keypoint: {type: FreeLoss, scale: {uniform: [0.5, 2]}, whatever: {choice: [null, [], {}]}}
optimizer:
  choice:
    - {type: FreeOptimizer, lr: {loguniform: [1e-3, 1e-1]}, unknown_to_us: [1, 2]}
    - {constructor: FreeConstructor, anything: {lr: 0.1}, paramwise_cfg: {of_its_own: 1}}
    - {type: AdamW, lr: 1e-3}
training:
  epochs: 4
  batch_size: 4
  lr_schedule: {type: FreeSchedule, milestones: [3, 900], step: [900]}
  metrics: [{type: FreeMetric, name: mine, threshold: -1}, {type: EPE}]
tune:
  metric: mine
  mode: min
  num_trials: 4
  scheduler: {type: ASHAScheduler, grace_period: 2}
"""

FEATURES = """\
name: features
seed: 1
data:
  train: {type: CocoKeypoints, ann_file: annotations.json, img_prefix: images}
  val: {split: 0.34, group_by: video}
  input_size: {choice: [[64, 64], [96, 96]]}
  padding: {uniform: [1.1, 1.4]}
  augment: {rotation: {uniform: [0, 45]}, scale: 0.3, flip: 0.5, half_body: 0.1}
model:
  type: TopDown
  backbone:
    choice:
      - type: ResNet
        depth: {choice: [18, 34]}
        pretrained: null
      - {type: HourglassNet, num_stacks: {randint: [1, 3]}, downsample_times: 3, feat_channel: {qrandint: [16, 32, 8]},
         growth: 1.0, stage_blocks: 1}
  keypoint_head:
    choice:
      - type: HeatmapHead
        num_deconv_filters: {choice: [32, 64]}
        codec: {type: MSRAHeatmap, sigma: {quniform: [1, 3, 0.5]}}
        loss_keypoint:
          choice:
            - {type: AdaptiveWingLoss, omega: {uniform: [8, 20]}}
            - {type: JointsMSELoss, use_target_weight: true}
      - {type: RLEHead, loss_keypoint: {type: RLELoss}}
optimizer:
  choice:
    - type: AdamW
      lr: {loguniform: [1e-4, 1e-2]}
      betas: [0.9, 0.99]
      weight_decay: 0.05
      paramwise_cfg: {norm_decay_mult: 0, custom_keys: {backbone: {lr_mult: 0.1}}}
    - {type: AdamW, label: decayed, lr: 1e-3, constructor: LayerDecayOptimizerConstructor,
       paramwise_cfg: {decay_rate: 0.8, decay_type: stage_wise}}
    - constructor: CocktailOptimizerConstructor
      label: cocktail
      backbone: {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}
      keypoint_head: {type: AdamW, lr: {ref: optimizer.cocktail.backbone.lr, times: 0.1}}
training:
  epochs: {choice: [10, 20]}
  batch_size: 8
  lr_schedule: {type: MultiStepLR, milestones: [5, 8], gamma: 0.1, warmup: 0.05, warmup_type: exp}
  grad_clip: 5.0
  ema: 0.95
  precision: fp32
  flip_test: true
  metrics: [{type: CocoAP}, {type: PCK, threshold: 0.2, name: PCK@0.2}, {type: EPE}]
tune:
  metric: PCK@0.2
  mode: max
  num_trials: 12
  sampler: {type: TPESampler, n_startup_trials: 5}
  scheduler: {type: PatientPruner, patience: 2, wrapped_pruner: {type: MedianPruner, n_startup_trials: 2}}
  resources: {cpu: 1}
  max_concurrent: 2
  keep: 3
  constraints: ["params <= 50e6", "flops <= 4e9"]
  initial_points: [{optimizer.AdamW.lr: 1e-3}, {model: {backbone: {type: ResNet, depth: 18}}}]
"""


def good_spaces() -> dict[str, str]:
    """Texts by name; the files that they name are those that `write_surroundings` makes."""
    shipped = {path.stem: _here(path.read_text()) for path in sorted((ROOT / "search_spaces").glob("*.yaml"))}
    readme = (ROOT / "README.md").read_text()
    mice = next(block for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "name: mice" in block)
    return {**shipped, "readme": _here(mice), "features": FEATURES, "free": FREE}


def write_surroundings(folder: Path) -> None:
    """What the spaces name besides `annotations.json` and `images`."""
    (folder / "free_modules.py").write_text(PLUGIN)


def _here(text: str) -> str:
    text = re.sub(r'(ann_file: )("[^"]+"|[\w/.]+)', r"\1annotations.json", text)
    return re.sub(r'(img_prefix: )("[^"]+"|[\w/.]+)', r"\1images", text)
