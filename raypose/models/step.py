"""What follows a head's output in training and prediction: targets, losses, keypoints."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from raypose.kinds import taken
from raypose.models.outputs import map_parts, shape, stages


def losses(
    output: Any, keypoints: Tensor, visible: Tensor, codec: Any, loss_keypoint: Any, kind: str | None
) -> dict[str, Tensor]:
    """`{"loss": ...}`, the mean over the stages, and `loss_1`, `loss_2`, ... where there are several.

    Args:
        output: the head's; a list of outputs, one a stage, of a multi-stage head.
        keypoints: [N,K,2] in input pixels.
        visible: [N,K], labelled where above 0.
        kind: of the output, see `raypose.kinds`.
    """
    # Half precision is for the network; a sum over a whole heatmap would overflow or round away in it.
    with _full_precision(keypoints.device.type):
        outputs = [map_parts(Tensor.float, stage) for stage in stages(output)]
        targets = {size: codec.encode(keypoints, visible, size) for size in set(map(shape, outputs))}

        def loss(stage: Any) -> Tensor:
            target, weight = targets[shape(stage)]
            return loss_keypoint(taken(loss_keypoint, kind, stage), taken(loss_keypoint, kind, target), weight)

        each = [loss(stage) for stage in outputs]
    named = {f"loss_{i}": value for i, value in enumerate(each, 1)} if len(each) > 1 else {}
    return {"loss": torch.stack(each).mean(), **named}


def _full_precision(device: str) -> AbstractContextManager:
    there = torch.amp.is_autocast_available(device)  # `meta` has none
    return torch.autocast(device, enabled=False) if there else nullcontext()


def activated(output: Any, loss_keypoint: Any) -> Any:
    """The last stage's output as its codec decodes it: of a loss on logits, not the logits."""
    # Reading maps whose channels come last takes twice the time.
    last = map_parts(lambda part: part.float().contiguous(), stages(output)[-1])
    activate = getattr(loss_keypoint, "activate", None)
    return last if activate is None else activate(last)
