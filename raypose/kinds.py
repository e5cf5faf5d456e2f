"""Kinds of output: what a head gives, a codec serves and a loss takes, and whether those agree on one.

A head's and a codec's `output` is a kind or a tuple of kinds; a loss's `accepts` is a tuple of kinds. Who declares
nothing goes with any. Needs no torch: tensors are only asked for their own methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from raypose.errors import Problem, RayPoseError


@dataclass(frozen=True)
class Kind:
    """The codec and the loss where none is named, how the output for a mirrored image is mirrored back (left and
    right keypoints not yet swapped), and how that is moved a pixel to the right, where it has pixels."""

    codec: Mapping[str, Any]
    loss_keypoint: Mapping[str, Any]
    mirror: Callable[[Any], Any]
    shift: Callable[[Any], Any] | None = None


def _mirror_maps(maps: Any) -> Any:
    return maps.flip(-1)


def _shift_maps(maps: Any) -> Any:
    """maps[x] = maps[x - 1]; the first column stays."""
    shifted = maps.clone()
    shifted[..., 1:] = maps[..., :-1]
    return shifted


def _mirror_points(points: Any) -> Any:
    """x -> 1 - x in the first of the last dimension's values, whatever follows x."""
    sign, start = points.new_ones(points.shape[-1]), points.new_zeros(points.shape[-1])
    sign[0], start[0] = -1, 1
    return points * sign + start


def _mirror_combined(maps: Any) -> Any:
    sign = maps.new_ones(3, 1, 1)
    sign[1] = -1  # the offset along x points the other way
    return maps.flip(-1) * sign


_COMBINED_CODEC = {"type": "UDPHeatmap", "heatmap_type": "combined"}
_DENSITY_LOSS = {"type": "MultipleLossWrapper", "losses": [{"type": "L1Loss"}, {"type": "JSDiscretLoss"}]}

KINDS = {
    # [N,K,h,w], each with a peak of about 1.
    "heatmap": Kind({"type": "MSRAHeatmap"}, {"type": "JointsMSELoss"}, _mirror_maps, _shift_maps),
    # [N,K,3,h,w]: a heatmap, and the offsets along x and y to the keypoint.
    "combined": Kind(_COMBINED_CODEC, {"type": "CombinedTargetMSELoss"}, _mirror_combined, _shift_maps),
    # [N,K,2], fractions of the input size.
    "coordinates": Kind({"type": "IntegralRegressionLabel"}, {"type": "L1Loss"}, _mirror_points),
    # [N,K,4]: coordinates and their sigmas, fractions of the input size.
    "rle": Kind({"type": "RegressionLabel"}, {"type": "RLELoss"}, _mirror_points),
    # ([N,K,Lx], [N,K,Ly]): logits along x and along y.
    "simcc": Kind({"type": "SimCCLabel"}, {"type": "KLDiscretLoss"}, lambda output: (output[0].flip(-1), output[1])),
    # ([N,K,2], [N,K,h,w]): coordinates, and the maps that they are the mean of, each of which sums to 1.
    "coordinates+density": Kind(
        {"type": "IntegralRegressionLabel"},
        _DENSITY_LOSS,
        lambda output: (_mirror_points(output[0]), _mirror_maps(output[1])),
    ),
}


def shift_of(kind: str | None) -> Callable[[Any], Any]:
    """What moves an output a pixel to the right. Raises RayPoseError for a kind that has no pixels."""
    shift = KINDS[kind].shift if kind in KINDS else None
    if shift is None:
        raise RayPoseError(
            f"shift_heatmap needs heatmaps, but the output is of kind {kind!r}",
            hint="leave out training.shift_heatmap",
            rule="flip-test",
        )
    return shift


def agreed(head: Any, codec: Any) -> str | None:
    """The first kind that a head gives and its codec serves (classes or instances); None if neither says or none is.

    Example:
        >>> agreed(HeatmapHead, MSRAHeatmap)
        'heatmap'
    """
    gives, serves = _declared(head, "output"), _declared(codec, "output")
    common = [kind for kind in gives or serves or () if serves is None or kind in serves]
    return common[0] if common else None


def default_codec(head: Any) -> Mapping[str, Any]:
    """The configuration of the codec of a head (class or instance) that names none."""
    return KINDS.get((_declared(head, "output") or ("heatmap",))[0], KINDS["heatmap"]).codec


def default_loss(kind: str | None) -> Mapping[str, Any]:
    """The configuration of the loss of outputs of a kind where none is named."""
    return KINDS.get(kind or "heatmap", KINDS["heatmap"]).loss_keypoint


def taken(loss: Any, kind: str | None, value: Any) -> Any:
    """What of an output or a target of `kind` a loss takes: all of it, or of a kind "a+b" the part that it accepts."""
    accepts = _declared(loss, "accepts")
    if kind is None or accepts is None or kind in accepts:
        return value
    return value[next(i for i, part in enumerate(kind.split("+")) if part in accepts)]


def mismatches(head: Any, codec: Any, losses: Iterable[Any]) -> list[Problem]:
    """Where a head, a codec and losses (classes or instances) have no kind in common; undeclared goes with any.

    Example:
        >>> mismatches(HeatmapHead, RegressionLabel, [JointsMSELoss])[0].message
        "HeatmapHead gives 'heatmap', but RegressionLabel is a codec of 'coordinates'"
    """
    gives, serves = _declared(head, "output"), _declared(codec, "output")
    kind = agreed(head, codec)
    if gives and serves and kind is None:
        message = f"{_name(head)} gives {_either(gives)}, but {_name(codec)} is a codec of {_either(serves)}"
        return [Problem(message, rule="kind-mismatch")]
    source = _name(head if gives else codec)
    if gives and len(gives) > 1 and serves:
        source += f" with {_name(codec)}"
    return [
        Problem(f"{source} gives '{kind}', but {_name(loss)} takes {_either(accepts)}", rule="kind-mismatch")
        for loss in losses
        if kind is not None
        and (accepts := _declared(loss, "accepts")) is not None
        and not {kind, *kind.split("+")} & set(accepts)
    ]


def _declared(component: Any, attribute: str) -> tuple[str, ...] | None:
    kinds = getattr(component, attribute, None)
    return (kinds,) if isinstance(kinds, str) else kinds


def _either(kinds: Iterable[str]) -> str:
    return " or ".join(f"'{kind}'" for kind in kinds)


def _name(component: Any) -> str:
    return component.__name__ if isinstance(component, type) else type(component).__name__
