"""RayPose: hyperparameter and architecture search for top-down 2D pose models, on Ray Tune and Optuna."""

from __future__ import annotations

import importlib
from typing import Any

from raypose.errors import RayPoseError
from raypose.registry import (
    BACKBONES,
    CODECS,
    DATASETS,
    HEADS,
    LOSSES,
    LR_SCHEDULES,
    METRICS,
    NECKS,
    OPTIMIZER_BUILDERS,
    OPTIMIZERS,
    POSENETS,
    build_from_cfg,
)

__version__ = "0.1.0"

# Names whose modules import torch or ray, loaded at their first use.
_LAZY = {
    "weighted_loss": "raypose.models.losses.weighted",
    "tune": "raypose.tuning",
    "load": "raypose.inference",
    "load_experiment": "raypose.reporting.experiment",
    "Space": "raypose.space",
}

__all__ = [
    "BACKBONES",
    "CODECS",
    "DATASETS",
    "HEADS",
    "LOSSES",
    "LR_SCHEDULES",
    "METRICS",
    "NECKS",
    "OPTIMIZERS",
    "OPTIMIZER_BUILDERS",
    "POSENETS",
    "RayPoseError",
    "build_from_cfg",
    *_LAZY,
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'raypose' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
