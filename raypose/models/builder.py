"""From the `model` section of a configuration to a model whose parts fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.kinds import default_part, mismatches
from raypose.models.ports import Maps, Port, as_stages, dry_run, measure, probe
from raypose.models.topdown import select
from raypose.registry import (
    BACKBONES,
    CODECS,
    HEADS,
    LOSSES,
    NECKS,
    POSENETS,
    build_from_cfg,
    offer,
    parameters,
)

# The parts that a head owns, or else the model for it.
OWNED = {"codec": CODECS, "loss_keypoint": LOSSES}


def build_model(
    cfg: Mapping[str, Any], num_keypoints: int, input_size: tuple[int, int], init_weights: bool = True
) -> nn.Module:
    """Build the model that the `model` section describes.

    Each part is given what its signature names and the configuration leaves out: `num_keypoints`, `input_size`, and a
    head also `in_channels`, `in_stride`, `num_stages`, `codec` and `loss_keypoint`. A dry run shows that they fit.

    Args:
        cfg: type (default TopDown), backbone, keypoint_head, and perhaps neck, codec, loss_keypoint and pretrained.
        num_keypoints: how many the data has.
        input_size: width and height of the images, in pixels.
        init_weights: False leaves `pretrained` unread, for a model whose weights are loaded afterwards. Models built on
            `meta` have no weights either.

    Raises:
        RayPoseError: parts that are unknown or don't fit; pretrained weights that can't be had.

    Example:
        >>> build_model({"backbone": {"type": "ResNet"}, "keypoint_head": {"type": "HeatmapHead"}}, 17, (192, 256))
    """
    given = {"num_keypoints": num_keypoints, "input_size": (int(input_size[0]), int(input_size[1]))}
    parts = {"type": "TopDown", **cfg}
    backbone_cfg, head_cfg = _section(parts, "backbone"), _section(parts, "keypoint_head")
    pretrained = parts.pop("pretrained", None)
    if "pretrained" not in parameters(BACKBONES.get(backbone_cfg["type"])):
        pretrained = backbone_cfg.pop("pretrained", pretrained)

    backbone = build_from_cfg(offer(backbone_cfg, BACKBONES, **given), BACKBONES)
    stages, ports = probe(backbone, input_size)
    neck = None
    if parts.get("neck"):
        neck_cfg = _section(parts, "neck")
        neck = build_from_cfg(offer(neck_cfg, NECKS, in_channels=[port.channels for port in ports], **given), NECKS)
        stages = tuple(as_stages(dry_run(neck, maps), False)[0] for maps in stages)
        ports = measure(stages[-1], input_size)

    owned = _owned(parts, head_cfg, given)
    head = _head(head_cfg, ports, {"num_stages": len(stages), **owned, **given})
    model = build_from_cfg({**parts, "backbone": backbone, "neck": neck, "keypoint_head": head, **owned}, POSENETS)
    _check(model, stages, num_keypoints)
    if init_weights and not any(parameter.is_meta for parameter in model.parameters()):
        _init_weights(model, pretrained)
    return model


def _section(cfg: Mapping[str, Any], key: str) -> dict[str, Any]:
    section = cfg.get(key)
    if not isinstance(section, Mapping) or not isinstance(section.get("type"), str):
        raise RayPoseError(f"model.{key} is a mapping with a 'type', but got {section!r}", rule="missing-type")
    return dict(section)


def _owned(parts: dict[str, Any], head_cfg: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The built codec and loss: of the head's configuration, else the model's, else what suits the head."""
    head = HEADS.get(head_cfg["type"])
    built: dict[str, Any] = {}
    for name, registry in OWNED.items():
        if not head_cfg.get(name):
            head_cfg.pop(name, None)
            parts[name] = parts.get(name) or default_part(name, head)
        section = _section(head_cfg if name in head_cfg else parts, name)
        # A loss that turns logits into heatmaps scales them to the height of the codec's targets.
        sigma = {"target_sigma": built["codec"].sigma} if hasattr(built.get("codec"), "sigma") else {}
        built[name] = build_from_cfg(offer(section, registry, **sigma, **given), registry)
        if name in head_cfg:
            head_cfg[name] = built[name]
    return built


def _head(cfg: dict[str, Any], ports: tuple[Port, ...], values: dict[str, Any]) -> nn.Module:
    in_ports = getattr(HEADS.get(cfg["type"]), "in_ports", None)
    if in_ports is None:
        values = {"in_channels": ports[-1].channels, "in_stride": ports[-1].stride, **values}
    else:
        taken = [ports[i] for i in in_ports]
        values = {"in_channels": [p.channels for p in taken], "in_stride": [p.stride for p in taken], **values}
    return build_from_cfg(offer(cfg, HEADS, **values), HEADS)


def _check(model: Any, stages: tuple[Maps, ...], num_keypoints: int) -> None:
    """Raise where the parts don't fit: kinds of output, shapes, number of keypoints."""
    head, backbone = model.keypoint_head, model.backbone
    problems = mismatches(head, head.codec, head.loss_keypoint)
    if problems:
        raise RayPoseError(problems)
    names = f"{type(backbone).__name__} and {type(head).__name__}"
    try:
        output = dry_run(head, select(stages, head))
    except RayPoseError as error:
        raise RayPoseError(f"{names} don't fit: {error}", rule="head-input") from error
    for each in output if isinstance(output, list) else [output]:
        if not isinstance(each, Tensor) or each.ndim < 3 or each.shape[1] != num_keypoints:
            got = list(each.shape) if isinstance(each, Tensor) else type(each).__name__
            raise RayPoseError(f"{names} give {got} for 2 images with {num_keypoints} keypoints", rule="head-output")


def _init_weights(model: Any, pretrained: str | None) -> None:
    for part in (model.neck, model.keypoint_head):
        if hasattr(part, "init_weights"):
            part.init_weights()
    init = getattr(model.backbone, "init_weights", None)
    if pretrained is not None and (init is None or not parameters(init)):
        name = type(model.backbone).__name__
        raise RayPoseError(
            f"{name} can't load pretrained weights: it has no init_weights(pretrained)", rule="pretrained"
        )
    if init is not None:
        init(*([] if pretrained is None else [pretrained]))
