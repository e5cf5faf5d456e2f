"""The footprints of a top-down model's components, in the order that a training step passes through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from raypose.kinds import agreed
from raypose.models.connect import Parts
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
        first = _first(output)
        keypoints = torch.zeros(len(first), self.num_keypoints, 2, device=first.device)
        visible = torch.ones(len(first), self.num_keypoints, device=first.device)
        return losses(output, keypoints, visible, self.codec, self.loss, self.kind)["loss"]


@dataclass(frozen=True)
class Passage:
    """A module that a training step passes through, and what it is given: the arguments of `measure`."""

    module: nn.Module
    inputs: Any
    gradient: bool = True
    then: Callable[[Any], Any] | None = None


def passages(model: nn.Module, images: Tensor, parts: Parts) -> list[Passage]:
    """Of a step of a `TopDown`: the backbone, the neck if there is one, the head, the loss with its codec. A model of
    another class is one passage, before the loss.

    Args:
        images: any number, without values.
        parts: what the model is made of.
    """
    head, kind = parts.keypoint_head, agreed(parts.keypoint_head, parts.codec)
    loss = Passage(LossStep(parts.codec, parts.loss_keypoint, kind, _first(parts.output).shape[1]), parts.output)
    if type(model) is not TopDown:
        return [Passage(model, images, gradient=False), loss]

    def taken(stages: tuple[Maps, ...]) -> Any:
        return select(stages, head)

    def stages(given: Any) -> tuple[Maps, ...]:
        return as_stages(given, is_multi_stage(parts.backbone))

    last = [Passage(head, taken(parts.features)), loss]
    if parts.neck is None:
        return [Passage(parts.backbone, images, gradient=False, then=lambda given: taken(stages(given))), *last]
    neck = Passage(NeckStep(parts.neck), parts.seen, then=taken)
    return [Passage(parts.backbone, images, gradient=False, then=stages), neck, *last]


def footprints(model: TopDown, input_size: tuple[int, int]) -> list[Footprint]:
    """What each passage of a training step takes.

    Args:
        model: on any device; left as it is.
        input_size: width and height of the images, in pixels.

    Raises:
        RayPoseError: a component runs neither on `meta` nor on the CPU.

    Example:
        >>> peak(footprints(model, (192, 256)), batch_size=32) / 1e9  # GB
    """
    images, head = image(input_size), model.keypoint_head
    seen = as_stages(dry_run(model.backbone, images), is_multi_stage(model.backbone))
    features = seen if model.neck is None else dry_run(NeckStep(model.neck), seen)
    output = dry_run(head, select(features, head))
    parts = Parts(model.backbone, model.neck, head, model.codec, model.loss_keypoint, seen, features, output)
    return [measure(each.module, each.inputs, each.gradient, each.then) for each in passages(model, images, parts)]


def _first(output: Any) -> Tensor:
    while not isinstance(output, Tensor):
        output = output[0]
    return output
