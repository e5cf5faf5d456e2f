"""Pretrained weights into a backbone, or into a whole model."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from torch import nn

from raypose.errors import RayPoseError
from raypose.models.pretrained.matching import Match, match
from raypose.models.pretrained.reading import read_weights
from raypose.models.pretrained.sources import local_file, weights_file
from raypose.registry import parameters

logger = logging.getLogger("raypose.models.pretrained")

IMAGENET = ("imagenet", "default")
# A checkpoint is another network's if fewer of all weights fit, or of those in the parts that it has: of a shallower
# network 0.5 to 0.77 do, where parts that a user added to a library's network have none. A few may always be others:
# those that read images with other channels, positions.
LEAST, LEAST_OF_PARTS, FEW = 0.5, 0.8, 2
# What the parts of a model are called in checkpoints: ours and MMPose 0.x's, and MMPose 1.x's.
PARTS = {"neck": ("neck",), "keypoint_head": ("keypoint_head", "head")}


def load_pretrained(module: nn.Module, pretrained: str, imagenet: str | None = None) -> None:
    """Load what fits of the weights that `pretrained` names into a module, and log what does not.

    The checkpoint may be of a larger model, and name its weights as MMPose, torchvision or timm does.

    Args:
        pretrained: a path, a URL or a name, as `weights_file` takes them; or `imagenet`.
        imagenet: the name that `imagenet` and `DEFAULT` stand for.

    Raises:
        RayPoseError: the weights can't be had or read, or they are those of another network.
    """
    found = read_weights(weights_file(_named(module, pretrained, imagenet)))
    fitting = match(found, module)
    of_parts = fitting.of_parts()
    if fitting.share < LEAST or (of_parts.share < LEAST_OF_PARTS and of_parts.lacking > FEW):
        raise _anothers(module, fitting, pretrained, found)
    _load(module, fitting, pretrained)


def _named(module: nn.Module, pretrained: str, imagenet: str | None) -> str:
    if not isinstance(pretrained, str):
        raise RayPoseError(f"pretrained is a path, a URL or a name, but got {pretrained!r}", rule="pretrained")
    if pretrained.lower() not in IMAGENET:
        return pretrained
    if imagenet is None:
        raise RayPoseError(
            f"there are no ImageNet weights of this {type(module).__name__}",
            hint="give a checkpoint's path or URL, or choose a network that has some",
            rule="pretrained",
        )
    return imagenet


def _anothers(module: nn.Module, fitting: Match, pretrained: str, found: Iterable[str]) -> RayPoseError:
    name, wanted = type(module).__name__, module.state_dict()
    count = fitting.there
    if not count:
        hint = f"it has {_few(found)}; wanted are {_few(wanted)}"
        return RayPoseError(f"no weight of '{pretrained}' fits {name}", hint=hint, rule="pretrained")
    hint = f"it has no {_few(fitting.missing)}"
    if fitting.other_shape:
        key = min(fitting.other_shape)
        hint = f"{key} has the shape {list(fitting.other_shape[key])} in it, but is {list(wanted[key].shape)} here"
    return RayPoseError(
        f"'{pretrained}' seems to be of another network: {count} of the {count + fitting.lacking} weights of {name} fit",
        hint=hint,
        rule="pretrained",
    )


def load_pretrained_model(model: Any, pretrained: str) -> None:
    """Load pretrained weights into a model's backbone and, where they hold some for them, its neck and head.

    The backbone loads its own through `init_weights(pretrained)`. Layers of the head that have another shape, since
    they were trained for other keypoints, keep what they have and are logged.

    Args:
        model: with `backbone`, `neck` (or None) and `keypoint_head`, whose own weights are initialised already.
        pretrained: as the backbone takes it: a path, a URL or a name.

    Raises:
        RayPoseError: the weights can't be had or read, or they are not this backbone's.
    """
    init = getattr(model.backbone, "init_weights", None)
    if init is not None and parameters(init):
        init(pretrained)
    else:
        load_pretrained(model.backbone, pretrained)
    path = local_file(pretrained)
    found = {} if path is None else read_weights(path)
    for name, called in PARTS.items():
        part = getattr(model, name, None)
        if part is None or not found or not part.state_dict():
            continue
        fitting = match(found, part, called)
        if fitting.fits or fitting.other_shape:
            _load(part, fitting, pretrained)
        else:
            logger.info("'%s' holds no weights of a %s", pretrained, name)


def _load(module: nn.Module, fitting: Match, pretrained: str) -> None:
    module.load_state_dict(fitting.fits, strict=False)
    name, total = type(module).__name__, len(module.state_dict())
    level = logging.INFO if fitting.share > 0.5 else logging.WARNING
    logger.log(level, "%s: %d of %d weights loaded from '%s'", name, len(fitting.fits), total, pretrained)
    left = (
        ("not in it", fitting.missing),
        ("of another shape in it", fitting.other_shape),
        ("in it but not used", fitting.unused),
    )
    for what, keys in left:
        if keys:
            logger.warning("%s from '%s': %s: %s", name, pretrained, what, _few(keys))


def _few(keys: Iterable[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
