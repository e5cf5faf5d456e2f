"""Kinds of output: what goes with each, and whether a head, a codec and a loss agree on one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from raypose.errors import Problem


@dataclass(frozen=True)
class Kind:
    """The codec and the loss of a head that names none, and how the output for a mirrored image is mirrored back
    (left and right keypoints not yet swapped)."""

    codec: str
    loss_keypoint: str
    mirror: Callable[[Tensor], Tensor]


# A head without `output` is taken to give heatmaps.
KINDS = {
    "heatmap": Kind("MSRAHeatmap", "JointsMSELoss", lambda output: output.flip(-1)),  # [N,K,h,w]
    "coordinates": Kind(  # [N,K,2], fractions of the input size
        "IntegralRegressionLabel", "L1Loss", lambda output: torch.stack((1 - output[..., 0], output[..., 1]), -1)
    ),
}


def default_part(name: str, head: Any) -> dict[str, str]:
    """The configuration of the `codec` or `loss_keypoint` of a head (class or instance) that names none."""
    kind = KINDS.get(getattr(head, "output", "heatmap"), KINDS["heatmap"])
    return {"type": getattr(kind, name)}


def mismatches(head: Any, codec: Any, loss: Any) -> list[Problem]:
    """Where the kinds of output of a head, a codec and a loss (classes or instances) differ; undeclared fits any.

    Example:
        >>> mismatches(HeatmapHead, IntegralRegressionLabel, JointsMSELoss)[0].message
        "HeatmapHead gives 'heatmap', but IntegralRegressionLabel is a codec of 'coordinates'"
    """
    gives, decodes = getattr(head, "output", None), getattr(codec, "output", None)
    accepts = getattr(loss, "accepts", None)
    accepts = (accepts,) if isinstance(accepts, str) else accepts
    found = []
    if gives is not None and decodes is not None and gives != decodes:
        found.append(f"{_name(head)} gives '{gives}', but {_name(codec)} is a codec of '{decodes}'")
    kind, source = (decodes, codec) if gives is None else (gives, head)
    if kind is not None and accepts is not None and kind not in accepts:
        takes = " or ".join(f"'{each}'" for each in accepts)
        found.append(f"{_name(source)} gives '{kind}', but {_name(loss)} takes {takes}")
    return [Problem(message, rule="kind-mismatch") for message in found]


def _name(component: Any) -> str:
    return component.__name__ if isinstance(component, type) else type(component).__name__
