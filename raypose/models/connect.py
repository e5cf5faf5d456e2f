"""The parts of a model, each built to fit those before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.outputs import stages
from raypose.models.parts import codec_and_loss, fill, section
from raypose.models.ports import Maps, Port, dry_run, measure, probe, run_stages
from raypose.models.topdown import select
from raypose.registry import BACKBONES, HEADS, NECKS, offer, parameters

# Gives what `make` makes for a stage (`backbone`, `neck`, `codec`, `head`) of what the key describes.
Once = Callable[[str, tuple, Callable[[], Any]], Any]


@dataclass(frozen=True)
class Parts:
    """Parts that fit each other, and what a dry run of two images gave: `seen`, the backbone's stages of feature maps;
    `features`, those that the head is given a part of; `output`, the head's."""

    backbone: nn.Module
    neck: nn.Module | None
    keypoint_head: nn.Module
    codec: Any
    loss_keypoint: Any
    seen: tuple[Maps, ...]
    features: tuple[Maps, ...]
    output: Any


def afresh(stage: str, key: tuple, make: Callable[[], Any]) -> Any:
    """The way to build parts once each."""
    return make()


def connect(
    cfg: Mapping[str, Any],
    num_keypoints: int,
    input_size: tuple[int, int],
    info: Any = None,
    once: Once = afresh,
) -> Parts:
    """Build the parts that the `model` section describes, as `raypose.models.builder.build_model` says.

    Args:
        once: builds a part unless it has one for that key already; who builds many models builds equal parts once.

    Raises:
        RayPoseError: parts that are unknown or don't fit.
    """
    given = _given(num_keypoints, input_size)
    whose, make_owned = _owned(cfg, given, info)
    owned = once("codec", whose, make_owned)
    backbone_cfg = section(cfg, "backbone")
    if "pretrained" not in parameters(BACKBONES.get(backbone_cfg["type"])):
        backbone_cfg.pop("pretrained", None)  # is read once the model is built
    backbone, seen, ports = once("backbone", (backbone_cfg, given), lambda: _backbone(backbone_cfg, given))
    neck, features = None, seen
    if cfg.get("neck"):
        neck_cfg = section(cfg, "neck")
        key: tuple = (neck_cfg, given, _shapes(seen), ports)
        neck, features, ports = once("neck", key, lambda: _neck(neck_cfg, given, seen, ports))
    head_cfg = section(cfg, "keypoint_head")
    head_cfg = {name: value for name, value in head_cfg.items() if name not in owned}
    key = (head_cfg, whose, _shapes(features), ports)
    head, output = once("head", key, lambda: _head(head_cfg, features, ports, {**owned, **given}, backbone))
    return Parts(backbone, neck, head, owned["codec"], owned["loss_keypoint"], seen, features, output)


def pretrained_of(cfg: Mapping[str, Any]) -> dict[str, str | None]:
    """Which pretrained weights the whole `model` starts from, and which its `backbone` alone, unless that one's constructor
    takes them itself."""
    backbone = section(cfg, "backbone")
    own = "pretrained" in parameters(BACKBONES.get(backbone["type"]))
    return {"model": cfg.get("pretrained"), "backbone": None if own else backbone.get("pretrained")}


def make_codec_and_loss(
    cfg: Mapping[str, Any], num_keypoints: int, input_size: tuple[int, int], info: Any = None
) -> dict[str, Any]:
    """The `codec` and the `loss_keypoint` of the `model` section alone."""
    return _owned(cfg, _given(num_keypoints, input_size), info)[1]()


def _given(num_keypoints: int, input_size: tuple[int, int]) -> dict[str, Any]:
    return {"num_keypoints": num_keypoints, "input_size": (int(input_size[0]), int(input_size[1]))}


def _owned(cfg: Mapping[str, Any], given: dict[str, Any], info: Any) -> tuple[tuple, Callable[[], dict[str, Any]]]:
    """What the codec and the loss depend on, and how they are made: of the head's section, else the model's."""
    head_cfg = section(cfg, "keypoint_head")
    named = {name: head_cfg.get(name) or cfg.get(name) for name in ("codec", "loss_keypoint")}
    facts = {**given, "info": info}
    return (head_cfg["type"], named, facts), lambda: codec_and_loss(head_cfg["type"], named, facts)


def _backbone(cfg: dict[str, Any], given: dict[str, Any]) -> tuple[nn.Module, tuple[Maps, ...], tuple[Port, ...]]:
    backbone = BACKBONES.build(offer(cfg, BACKBONES, **given))
    return backbone, *probe(backbone, given["input_size"])


def _neck(
    cfg: dict[str, Any], given: dict[str, Any], seen: tuple[Maps, ...], ports: tuple[Port, ...]
) -> tuple[nn.Module, tuple[Maps, ...], tuple[Port, ...]]:
    neck = NECKS.build(fill(cfg, NECKS, in_channels=[port.channels for port in ports], **given))
    features = tuple(run_stages(neck, maps)[0] for maps in seen)
    return neck, features, measure(features[-1], given["input_size"])


def _head(
    cfg: dict[str, Any],
    features: tuple[Maps, ...],
    ports: tuple[Port, ...],
    values: dict[str, Any],
    backbone: nn.Module,
) -> tuple[nn.Module, Any]:
    """The head, and its output for the features."""
    in_ports = getattr(HEADS.get(cfg["type"]), "in_ports", None)
    taken = [(ports[i], features[-1][i]) for i in ((-1,) if in_ports is None else in_ports)]
    found: dict[str, list] = {
        "in_channels": [port.channels for port, _ in taken],
        "in_stride": [port.stride for port, _ in taken],
        "in_featuremap_size": [(each.shape[3], each.shape[2]) if each.ndim == 4 else None for _, each in taken],
    }
    one_each = {name: each[0] if in_ports is None else each for name, each in found.items()}
    head = HEADS.build(fill(cfg, HEADS, num_stages=len(features), **one_each, **values))
    return head, _output(head, features, values["num_keypoints"], backbone)


def _output(head: nn.Module, features: tuple[Maps, ...], num_keypoints: int, backbone: nn.Module) -> Any:
    """Raises where the head fails on the features, or gives another number of keypoints."""
    names = f"{type(backbone).__name__} and {type(head).__name__}"
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
    return output


def _shapes(features: tuple[Maps, ...]) -> list[list[tuple[int, ...]]]:
    return [[tuple(each.shape) for each in stage] for stage in features]
