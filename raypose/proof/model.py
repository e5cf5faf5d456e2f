"""A model configuration, proven: its parts fit, a training step runs, and its output is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from raypose.errors import RayPoseError
from raypose.kinds import KINDS, agreed, shift_of
from raypose.models.connect import Parts, make_codec_and_loss
from raypose.models.outputs import map_parts, shape, stages
from raypose.models.step import activated, losses
from raypose.proof.likeness import shapes
from raypose.proof.workshop import Workshop

OWNED = ("codec", "loss_keypoint")
# Kinds of output whose targets have the output's shape; elsewhere a target may be smaller.
ALIKE = ("heatmap", "combined", "simcc")


@dataclass(frozen=True)
class Setting:
    """What a model is built for."""

    num_keypoints: int
    input_size: tuple[int, int]
    info: Any = None
    flip_test: bool = False
    shift_heatmap: bool = False


def without_codec_and_loss(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The `model` section with what suits the head in the place of its codec and loss."""
    bare = {key: value for key, value in cfg.items() if key not in OWNED}
    head = {key: value for key, value in cfg["keypoint_head"].items() if key not in OWNED}
    return {**bare, "keypoint_head": head}


def prove_model(shop: Workshop, cfg: Mapping[str, Any], parts: Parts, setting: Setting) -> None:
    """Run a training step and a prediction of parts that fit, and note what ran on the CPU.

    Raises:
        Failed: what follows the head fails.
    """
    _note_cpu(shop, parts)
    # What follows the head depends on the shape of its output alone.
    key = (id(parts.codec), id(parts.loss_keypoint), shapes(parts.output), setting.flip_test, setting.shift_heatmap)
    shop.once("step", key, lambda: _prove_step(shop, cfg, parts, setting))


def _note_cpu(shop: Workshop, parts: Parts) -> None:
    for module, given in (
        (parts.backbone, parts.seen),
        (parts.neck, parts.features),
        (parts.keypoint_head, parts.output),
    ):
        if module is not None and not all(each.is_meta for each in (*module.parameters(), *_tensors(given))):
            shop.on_cpu.add(type(module).__name__)


def _tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [tensor for each in value for tensor in _tensors(each)]


def _prove_step(shop: Workshop, cfg: Mapping[str, Any], parts: Parts, setting: Setting) -> None:
    kind = agreed(parts.keypoint_head, parts.codec)
    if setting.flip_test and kind not in KINDS:
        raise RayPoseError(
            f"the flip test can't mirror the output of {type(parts.keypoint_head).__name__}, of kind {kind!r}",
            hint=f"it knows {', '.join(KINDS)}: declare the class attribute `output` of the head",
            rule="flip-test",
        )
    if setting.flip_test and setting.shift_heatmap:
        shift_of(kind)
    try:
        run_step(parts.output, parts.codec, parts.loss_keypoint, kind, setting.num_keypoints, "meta")
    except RayPoseError:
        raise
    except Exception:
        with torch.device("cpu"):
            owned = make_codec_and_loss(cfg, setting.num_keypoints, setting.input_size, setting.info)
            run_step(parts.output, owned["codec"], owned["loss_keypoint"], kind, setting.num_keypoints, "cpu")
        shop.on_cpu.add(type(parts.loss_keypoint if _encodes(parts, setting) else parts.codec).__name__)


def _encodes(parts: Parts, setting: Setting) -> bool:
    """Whether the codec can do without values."""
    keypoints, visible = torch.zeros(2, setting.num_keypoints, 2), torch.ones(2, setting.num_keypoints)
    try:
        with torch.no_grad():
            for stage in stages(parts.output):
                parts.codec.encode(keypoints.to("meta"), visible.to("meta"), shape(stage))
            parts.codec.decode(activated(parts.output, parts.loss_keypoint))
    except Exception:
        return False
    return True


def run_step(seen: Any, codec: Any, loss_keypoint: Any, kind: str | None, num_keypoints: int, device: str) -> Tensor:
    """The loss of an output such as `seen`, of two images; its target is encoded, and the output decoded.

    Raises:
        RayPoseError: a loss that doesn't depend on the output; keypoints, scores or targets of a
            wrong shape.
    """
    output: Any = [map_parts(lambda part: _like(part, device), stage) for stage in stages(seen)]
    keypoints = torch.zeros(2, num_keypoints, 2, device=device)
    visible = torch.ones(2, num_keypoints, device=device)
    if kind in ALIKE:
        _check_target(codec, keypoints, visible, output)
    loss = losses(output, keypoints, visible, codec, loss_keypoint, kind)["loss"]
    if not loss.requires_grad:
        name = type(loss_keypoint).__name__
        raise RayPoseError(f"{name} does not depend on the head's output: nothing can be learnt", rule="loss-gradient")
    loss.backward()
    with torch.no_grad():
        decoded = codec.decode(activated(output, loss_keypoint))
    found = [list(each.shape) for each in decoded]
    if found != [[2, num_keypoints, 2], [2, num_keypoints]]:
        raise RayPoseError(
            f"{type(codec).__name__} must decode keypoints [N,{num_keypoints},2] and scores [N,{num_keypoints}], "
            f"but of 2 images it gave {' and '.join(map(str, found))}",
            rule="codec-output",
        )
    return loss


def _like(part: Tensor, device: str) -> Tensor:
    return torch.zeros(part.shape, device=device, requires_grad=True)


def _check_target(codec: Any, keypoints: Tensor, visible: Tensor, output: list[Any]) -> None:
    for size in set(map(shape, output)):
        target, _ = codec.encode(keypoints, visible, size)
        if shape(target) != size:
            raise RayPoseError(
                f"{type(codec).__name__} gives targets of {shape(target)}, but the head's output is {size}",
                rule="target-shape",
            )
