"""A model as an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.step import activated

INPUT = "image"
LARGEST = 2**31 - 2**24  # bytes of weights: a protocol buffer holds 2 GiB, and the graph needs a little
_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


def _activated(model: Any, image: Tensor) -> Any:
    return activated(model(image), model.loss_keypoint)


# How far a model goes from its image, by the part that does the last step.
STEPS: dict[str, Callable[[Any, Tensor], Any]] = {
    "backbone": lambda model, image: model.backbone(image),
    "neck": lambda model, image: model.features(image),
    "keypoint_head": lambda model, image: model(image),
    "loss_keypoint": _activated,
    "codec": lambda model, image: model.codec.decode(_activated(model, image)),
}


class Until(nn.Module):
    """A model up to the step of one of its parts.

    Example:
        >>> keypoints, scores = Until(model, "codec")(image)
    """

    def __init__(self, model: Any, part: str) -> None:
        super().__init__()
        self.model = model
        self.part = part

    def forward(self, image: Tensor) -> Any:
        return STEPS[self.part](self.model, image)


def to_onnx(model: Any, image: Tensor, names: Sequence[str], decode: bool, opset: int | None = None) -> Any:
    """The `torch.onnx.ONNXProgram` of a model, for batches of any size.

    Args:
        model: a `TopDown` in evaluation mode, on the CPU.
        image: [2,3,H,W], an example; only its shape counts.
        names: of the outputs.
        decode: whether the codec's `decode` is in it, else the head's output, activated.
        opset: of ONNX; default: what torch recommends.

    Raises:
        RayPoseError: a part that cannot be exported, by its name, or weights beyond ONNX's 2 GB.
    """
    size = sum(value.nbytes for value in model.state_dict().values())
    if size > LARGEST:
        message = f"an ONNX file holds 2 GB, but the model's weights are {size / 1e9:.1f} GB"
        raise RayPoseError(message, rule="export", exit_status=1)
    last = "codec" if decode else "loss_keypoint"
    try:
        return _exported(Until(model, last), image, names, opset)
    except Exception as error:
        raise _blamed(model, image, last, opset, error) from error


@torch.no_grad()
def _exported(module: nn.Module, image: Tensor, names: Sequence[str] | None, opset: int | None) -> Any:
    with _quiet():
        batch = torch.export.Dim("batch")
        traced = torch.export.export(module.eval(), (image,), dynamic_shapes=({0: batch},), strict=False)
        return torch.onnx.export(
            traced, input_names=[INPUT], output_names=names, opset_version=opset, dynamo=True, verbose=False
        )


def _blamed(model: Any, image: Tensor, last: str, opset: int | None, error: Exception) -> RayPoseError:
    """The error that names the first part whose step cannot be exported."""
    for part in STEPS:
        if part == last:
            break
        try:
            _exported(Until(model, part), image, None, opset)
        except Exception as found:
            last, error = part, found
            break
    hint = "--no-decode exports the model without it" if last == "codec" else ""
    name = f"{last} {type(getattr(model, last, None)).__name__}"
    return RayPoseError(f"{name} cannot be exported to ONNX: {_reason(error)}", hint=hint, rule="export", exit_status=1)


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """What torch tells of its own inside is no news to a user."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        for name in levels:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
