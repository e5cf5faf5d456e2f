"""The parts of a model: what a configuration says of each, completed by what follows from the data and the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from raypose.errors import Problem, RayPoseError
from raypose.kinds import agreed, default_codec, default_loss, mismatches
from raypose.models.losses.multiple import summands
from raypose.registry import CODECS, HEADS, LOSSES, Registry, offer

# What follows from the data and the parts before; a component that is told something else would fail or learn nonsense.
FIXED = ("in_channels", "in_featuremap_size", "num_keypoints", "input_size")


def section(cfg: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The component under a key of the `model` section, as a copy."""
    given = cfg.get(key)
    if not isinstance(given, Mapping) or not isinstance(given.get("type"), str):
        raise RayPoseError(f"model.{key} is a mapping with a 'type', but got {given!r}", rule="missing-type")
    return dict(given)


def fill(cfg: dict[str, Any], registry: Registry, **facts: Any) -> dict[str, Any]:
    """`cfg` completed by those of `facts` that its component asks for.

    Raises:
        RayPoseError: it has another value itself for what can have no other.
    """
    wrong = [key for key in FIXED if key in cfg and key in facts and _plain(cfg[key]) != _plain(facts[key])]
    if wrong:
        raise RayPoseError(
            Problem(
                f"{cfg['type']} has {key}: {_plain(cfg[key])}, but here it is {_plain(facts[key])}",
                hint="leave it out: it is filled in",
                rule="contradiction",
            )
            for key in wrong
        )
    return offer(cfg, registry, **facts)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def codec_and_loss(head_type: str, cfg: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The built `codec` and `loss_keypoint` of a head; where `cfg` has none, what suits the head."""
    head = HEADS.get(head_type)

    def named(name: str, default: Mapping[str, Any]) -> dict[str, Any]:
        return section({name: cfg.get(name) or default}, name)

    codec = CODECS.build(fill(named("codec", default_codec(head)), CODECS, **given))
    kind = agreed(head, codec)
    # A loss that turns logits into heatmaps scales them to the height of the codec's targets.
    sigma = {"target_sigma": codec.sigma} if hasattr(codec, "sigma") else {}
    loss = _loss(named("loss_keypoint", default_loss(kind)), {**given, **sigma, "kind": kind})
    if problems := mismatches(head, codec, summands(loss)):
        raise RayPoseError(problems)
    return {"codec": codec, "loss_keypoint": loss}


def _loss(cfg: dict[str, Any], given: dict[str, Any]) -> nn.Module:
    """A loss, with the losses that it is made of."""
    if isinstance(cfg.get("losses"), (list, tuple)):
        cfg["losses"] = [_loss(section({"losses": each}, "losses"), given) for each in cfg["losses"]]
    return LOSSES.build(fill(cfg, LOSSES, **given))
