"""From the `model` section of a configuration to a model whose parts fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.kinds import agreed, default_codec, default_loss, mismatches
from raypose.models.losses.multiple import MultipleLossWrapper
from raypose.models.outputs import stages
from raypose.models.ports import Maps, Port, as_stages, dry_run, measure, probe
from raypose.models.pretrained import load_pretrained, load_pretrained_model
from raypose.models.topdown import select
from raypose.registry import BACKBONES, CODECS, HEADS, LOSSES, NECKS, POSENETS, build_from_cfg, offer, parameters


def build_model(
    cfg: Mapping[str, Any],
    num_keypoints: int,
    input_size: tuple[int, int],
    init_weights: bool = True,
    info: Any = None,
) -> nn.Module:
    """Build the model that the `model` section describes.

    Each part is given what its signature names and the configuration leaves out: `num_keypoints`, `input_size`; a neck
    also `in_channels`; a head `in_channels`, `in_stride`, `in_featuremap_size`, `num_stages`, `codec` and
    `loss_keypoint`; a loss `target_sigma`, `kind` and `info`. A dry run shows that they fit.

    Args:
        cfg: type (default TopDown), backbone, keypoint_head, and perhaps neck, codec, loss_keypoint, and pretrained,
            weights of the whole model or of the backbone alone; the backbone may have its own `pretrained`.
        num_keypoints: how many the data has.
        input_size: width and height of the images, in pixels.
        init_weights: False leaves `pretrained` unread, for a model whose weights are loaded afterwards. Models built on
            `meta` have no weights either.
        info: the data's `DatasetInfo`, for losses that ask for sigmas or a skeleton.

    Raises:
        RayPoseError: parts that are unknown or don't fit; pretrained weights that can't be had.

    Example:
        >>> build_model({"backbone": {"type": "ResNet"}, "keypoint_head": {"type": "HeatmapHead"}}, 17, (192, 256))
    """
    given = {"num_keypoints": num_keypoints, "input_size": (int(input_size[0]), int(input_size[1]))}
    parts = {"type": "TopDown", **cfg}
    backbone_cfg, head_cfg = _section(parts, "backbone"), _section(parts, "keypoint_head")
    pretrained = {"model": parts.pop("pretrained", None), "backbone": None}
    if "pretrained" not in parameters(BACKBONES.get(backbone_cfg["type"])):
        pretrained["backbone"] = backbone_cfg.pop("pretrained", None)

    owned = _owned(parts, head_cfg, {**given, "info": info})
    backbone = build_from_cfg(offer(backbone_cfg, BACKBONES, **given), BACKBONES)
    features, ports = probe(backbone, input_size)
    neck = None
    if parts.get("neck"):
        neck_cfg = _section(parts, "neck")
        neck = build_from_cfg(offer(neck_cfg, NECKS, in_channels=[port.channels for port in ports], **given), NECKS)
        features = tuple(as_stages(dry_run(neck, maps), False)[0] for maps in features)
        ports = measure(features[-1], input_size)

    head = _head(head_cfg, features, ports, {**owned, **given})
    model = build_from_cfg({**parts, "backbone": backbone, "neck": neck, "keypoint_head": head, **owned}, POSENETS)
    _check(model, features, num_keypoints)
    if init_weights and not any(parameter.is_meta for parameter in model.parameters()):
        _init_weights(model, **pretrained)
    return model


def _section(cfg: Mapping[str, Any], key: str) -> dict[str, Any]:
    section = cfg.get(key)
    if not isinstance(section, Mapping) or not isinstance(section.get("type"), str):
        raise RayPoseError(f"model.{key} is a mapping with a 'type', but got {section!r}", rule="missing-type")
    return dict(section)


def _owned(parts: dict[str, Any], head_cfg: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The built codec and loss: of the head's configuration, else the model's, else what suits the head."""
    head = HEADS.get(head_cfg["type"])

    def section(name: str, default: Mapping[str, Any]) -> dict[str, Any]:
        return _section({name: head_cfg.pop(name, None) or parts.pop(name, None) or default}, name)

    codec = CODECS.build(offer(section("codec", default_codec(head)), CODECS, **given))
    kind = agreed(head, codec)
    # A loss that turns logits into heatmaps scales them to the height of the codec's targets.
    sigma = {"target_sigma": codec.sigma} if hasattr(codec, "sigma") else {}
    loss = _loss(section("loss_keypoint", default_loss(kind)), {**given, **sigma, "kind": kind})
    if problems := mismatches(head, codec, loss.losses if isinstance(loss, MultipleLossWrapper) else [loss]):
        raise RayPoseError(problems)
    return {"codec": codec, "loss_keypoint": loss}


def _loss(cfg: dict[str, Any], given: dict[str, Any]) -> nn.Module:
    """A loss, with the losses that it is made of."""
    if isinstance(cfg.get("losses"), (list, tuple)):
        cfg["losses"] = [_loss(_section({"losses": each}, "losses"), given) for each in cfg["losses"]]
    return LOSSES.build(offer(cfg, LOSSES, **given))


def _head(
    cfg: dict[str, Any], features: tuple[Maps, ...], ports: tuple[Port, ...], values: dict[str, Any]
) -> nn.Module:
    in_ports = getattr(HEADS.get(cfg["type"]), "in_ports", None)
    taken = [(ports[i], features[-1][i]) for i in ((-1,) if in_ports is None else in_ports)]
    found: dict[str, list] = {
        "in_channels": [port.channels for port, _ in taken],
        "in_stride": [port.stride for port, _ in taken],
        "in_featuremap_size": [(each.shape[3], each.shape[2]) if each.ndim == 4 else None for _, each in taken],
    }
    one_each = {name: each[0] if in_ports is None else each for name, each in found.items()}
    return build_from_cfg(offer(cfg, HEADS, num_stages=len(features), **one_each, **values), HEADS)


def _check(model: Any, features: tuple[Maps, ...], num_keypoints: int) -> None:
    """Raise where the head fails on the features, or gives another number of keypoints."""
    head = model.keypoint_head
    names = f"{type(model.backbone).__name__} and {type(head).__name__}"
    try:
        output = dry_run(head, select(features, head))
    except RayPoseError as error:
        raise RayPoseError(f"{names} don't fit: {error}", rule="head-input") from error
    for each in stages(output):
        for part in each if isinstance(each, tuple) else (each,):
            if not isinstance(part, Tensor) or part.ndim < 3 or part.shape[1] != num_keypoints:
                got = list(part.shape) if isinstance(part, Tensor) else type(part).__name__
                raise RayPoseError(
                    f"{names} give {got} for 2 images with {num_keypoints} keypoints", rule="head-output"
                )


def _init_weights(net: Any, model: str | None, backbone: str | None) -> None:
    """`model` and `backbone` are pretrained weights of all, or of the backbone alone."""
    for part in (net.neck, net.keypoint_head):
        if hasattr(part, "init_weights"):
            part.init_weights()
    init = getattr(net.backbone, "init_weights", None)
    if model is not None:
        load_pretrained_model(net, model)
    if backbone is not None:
        init(backbone) if init is not None and parameters(init) else load_pretrained(net.backbone, backbone)
    elif model is None and init is not None:
        init()
