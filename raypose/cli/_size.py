"""The parameters and multiply-adds of components with their default arguments."""

from __future__ import annotations

from typing import Any

import torch

from raypose.errors import RayPoseError
from raypose.models.builder import build_model
from raypose.models.cost import Cost, cost
from raypose.registry import BACKBONES, offer

NUM_KEYPOINTS, INPUT_SIZE = 17, (192, 256)
HEADED = {"type": "ResNet", "depth": 50}  # what a head is measured on


def size(kind: str, name: str) -> str:
    """What a backbone costs, or a head on a ResNet-50; the reason where the defaults can't be built."""
    try:
        counted = _counted(kind, name)
    except Exception as error:  # whatever a component of the user's raises
        said = error.problems[0].message if isinstance(error, RayPoseError) else f"{type(error).__name__}: {error}"
        return f"no size: {said}"
    return f"{_short(counted.params / 1e6)} M parameters, {_short(counted.flops / 1e9)} GFLOPs"


def _short(value: float) -> str:
    return f"{value:.3g}" if value >= 0.001 else "under 0.001"


def _backbone(name: str) -> Cost:
    given = {"num_keypoints": NUM_KEYPOINTS, "input_size": INPUT_SIZE}
    return cost(BACKBONES.build(offer({"type": name}, BACKBONES, **given)), INPUT_SIZE)


def _head(name: str) -> Cost:
    cfg = {"backbone": HEADED, "keypoint_head": {"type": name}}
    model: Any = build_model(cfg, NUM_KEYPOINTS, INPUT_SIZE, init_weights=False)
    whole, below = cost(model, INPUT_SIZE), cost(model.backbone, INPUT_SIZE)
    return Cost(whole.params - below.params, whole.flops - below.flops)


def _counted(kind: str, name: str) -> Cost:
    """Without weights, which takes a fraction of the time; with them where that can't be."""
    try:
        with torch.device("meta"):
            return SIZES[kind](name)
    except Exception:
        return SIZES[kind](name)


SIZES = {"backbones": _backbone, "heads": _head}
