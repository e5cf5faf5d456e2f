"""From the `model` section of a configuration to a model whose parts fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.outputs import stages
from raypose.models.parts import codec_and_loss, fill, section
from raypose.models.ports import Maps, Port, dry_run, measure, probe, run_stages
from raypose.models.pretrained import load_pretrained, load_pretrained_model
from raypose.models.topdown import select
from raypose.registry import BACKBONES, HEADS, NECKS, POSENETS, offer, parameters


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
    backbone_cfg, head_cfg = section(parts, "backbone"), section(parts, "keypoint_head")
    pretrained = {"model": parts.pop("pretrained", None), "backbone": None}
    if "pretrained" not in parameters(BACKBONES.get(backbone_cfg["type"])):
        pretrained["backbone"] = backbone_cfg.pop("pretrained", None)

    owned = codec_and_loss(parts, head_cfg, {**given, "info": info})
    backbone = BACKBONES.build(offer(backbone_cfg, BACKBONES, **given))
    features, ports = probe(backbone, input_size)
    neck = None
    if parts.get("neck"):
        neck_cfg = section(parts, "neck")
        neck = NECKS.build(fill(neck_cfg, NECKS, in_channels=[port.channels for port in ports], **given))
        features = tuple(run_stages(neck, maps)[0] for maps in features)
        ports = measure(features[-1], input_size)

    head = _head(head_cfg, features, ports, {**owned, **given})
    model = POSENETS.build({**parts, "backbone": backbone, "neck": neck, "keypoint_head": head, **owned})
    _check(model, features, num_keypoints)
    if init_weights and not any(parameter.is_meta for parameter in model.parameters()):
        _init_weights(model, **pretrained)
    return model


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
    return HEADS.build(fill(cfg, HEADS, num_stages=len(features), **one_each, **values))


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
