"""From the `model` section of a configuration to a model whose parts fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from raypose.models.connect import Parts, connect, pretrained_of
from raypose.models.pretrained import load_pretrained, load_pretrained_model
from raypose.registry import POSENETS, parameters


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
    model = assemble(cfg, connect(cfg, num_keypoints, input_size, info))
    if init_weights and not any(parameter.is_meta for parameter in model.parameters()):
        _init_weights(model, **pretrained_of(cfg))
    return model


def assemble(cfg: Mapping[str, Any], parts: Parts) -> nn.Module:
    """The model of `cfg["type"]` (default TopDown) with these parts."""
    built = {name: getattr(parts, name) for name in ("backbone", "neck", "keypoint_head", "codec", "loss_keypoint")}
    others = {key: value for key, value in cfg.items() if key != "pretrained"}
    return POSENETS.build({"type": "TopDown", **others, **built})


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
