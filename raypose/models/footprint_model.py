"""The footprints of a top-down model's components, in the order that a training step passes through them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from raypose.models.footprint import Footprint, measure
from raypose.models.ports import Maps, as_stages, dry_run, image, is_multi_stage
from raypose.models.step import losses
from raypose.models.topdown import TopDown, select


class NeckStep(nn.Module):
    """A neck, applied to the maps of each stage."""

    def __init__(self, neck: nn.Module) -> None:
        super().__init__()
        self.neck = neck

    def forward(self, stages: tuple[Maps, ...]) -> tuple[Maps, ...]:
        return tuple(as_stages(self.neck(maps), False)[0] for maps in stages)


class LossStep(nn.Module):
    """From a head's output to the loss, with keypoints of its own."""

    def __init__(self, codec: Any, loss_keypoint: nn.Module, kind: str | None, num_keypoints: int) -> None:
        super().__init__()
        self.codec, self.loss, self.kind, self.num_keypoints = codec, loss_keypoint, kind, num_keypoints

    def forward(self, output: Any) -> Tensor:
        first = output
        while not isinstance(first, Tensor):
            first = first[0]
        keypoints = torch.zeros(len(first), self.num_keypoints, 2, device=first.device)
        visible = torch.ones(len(first), self.num_keypoints, device=first.device)
        return losses(output, keypoints, visible, self.codec, self.loss, self.kind)["loss"]


def footprints(model: TopDown, input_size: tuple[int, int], num_keypoints: int) -> list[Footprint]:
    """Of the backbone, the neck if there is one, the head, and the loss with its codec.

    Args:
        model: on any device; left as it is.
        input_size: width and height of the images, in pixels.

    Raises:
        RayPoseError: a component runs neither on `meta` nor on the CPU.

    Example:
        >>> peak(footprints(model, (192, 256), 17), batch_size=32) / 1e9  # GB
    """
    head, images = model.keypoint_head, image(input_size)

    def backbone_stages(output: Any) -> tuple[Maps, ...]:
        return as_stages(output, is_multi_stage(model.backbone))

    def taken(stages: tuple[Maps, ...]) -> Any:
        return select(stages, head)

    features = backbone_stages(dry_run(model.backbone, images))
    if model.neck is None:
        parts = [measure(model.backbone, images, gradient=False, then=lambda output: taken(backbone_stages(output)))]
    else:
        neck = NeckStep(model.neck)
        parts = [measure(model.backbone, images, gradient=False, then=backbone_stages)]
        parts.append(measure(neck, features, then=taken))
        features = dry_run(neck, features)
    given = taken(features)
    loss = LossStep(model.codec, model.loss_keypoint, model.kind, num_keypoints)
    return [*parts, measure(head, given), measure(loss, dry_run(head, given))]
