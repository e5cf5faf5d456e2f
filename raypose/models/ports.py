"""What a backbone gives: the channels and strides of its feature maps, declared or found out by a dry run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.quick import Quick
from raypose.models.valueless import without_values

Maps = tuple[Tensor, ...]


@dataclass(frozen=True)
class Port:
    """A feature map: its channels, and how many input pixels one of its pixels spans."""

    channels: int
    stride: int


def probe(backbone: nn.Module, input_size: tuple[int, int]) -> tuple[tuple[Maps, ...], tuple[Port, ...]]:
    """What a backbone gives for two images of `input_size` (width, height): the stages, and the ports of each.

    Raises:
        RayPoseError: a dry run failed, or gave no feature maps; an input size that the backbone can't divide.

    Example:
        >>> probe(ResNet(depth=18, out_indices=(2, 3)), (192, 256))[1]
        (Port(channels=256, stride=16), Port(channels=512, stride=32))
    """
    divisor = getattr(backbone, "size_divisor", 1)
    if any(length % divisor for length in input_size):
        raise RayPoseError(
            f"{type(backbone).__name__} needs images whose width and height are multiples of {divisor}, "
            f"but got {input_size[0]}x{input_size[1]}",
            rule="input-size",
        )
    stages = run_stages(backbone, image(input_size), is_multi_stage(backbone))
    declared = getattr(backbone, "out", None)
    return stages, tuple(declared) if declared is not None else measure(stages[-1], input_size)


def run_stages(module: nn.Module, inputs: Any, multi_stage: bool = False) -> tuple[Maps, ...]:
    """The stages of a backbone or a neck in a dry run.

    Raises:
        RayPoseError: it fails, or gives anything but feature maps.
    """
    output = dry_run(module, inputs)
    stages = output if multi_stage else (output,)
    if not _are(stages, lambda stage: isinstance(stage, Tensor) or _are(stage, lambda each: isinstance(each, Tensor))):
        form = "a tuple of stages, each a tuple of feature maps" if multi_stage else "a tuple of feature maps"
        raise RayPoseError(
            f"{type(module).__name__} must give {form} [N,C,H,W], but it gave {_told(output)}", rule="feature-maps"
        )
    return as_stages(output, multi_stage)


def _are(items: Any, fit: Callable[[Any], bool]) -> bool:
    return isinstance(items, (tuple, list)) and len(items) > 0 and all(map(fit, items))


def _told(value: Any) -> str:
    if isinstance(value, Tensor):
        return str(list(value.shape))
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_told, value))})"
    return "None" if value is None else f"a {type(value).__name__}"


def image(input_size: tuple[int, int]) -> Tensor:
    """Two images without values; two, since some networks can't do with one."""
    return torch.empty(2, 3, input_size[1], input_size[0], device="meta")


def measure(maps: Maps, input_size: tuple[int, int]) -> tuple[Port, ...]:
    """The ports of feature maps [N,C,h,w], or vectors [N,C], of images of `input_size` (width, height)."""
    for each in maps:
        if each.ndim not in (2, 4):
            raise RayPoseError(
                f"feature maps are [N,C,H,W], or [N,C] after pooling, but got {tuple(each.shape)}", rule="feature-maps"
            )
    heights = [each.shape[2] if each.ndim == 4 else 1 for each in maps]
    return tuple(
        Port(each.shape[1], max(1, round(input_size[1] / height))) for each, height in zip(maps, heights, strict=True)
    )


def is_multi_stage(module: nn.Module) -> bool:
    """Whether a backbone gives, or a head takes, stages."""
    return bool(getattr(module, "multi_stage", False))


def as_stages(features: Any, multi_stage: bool) -> tuple[Maps, ...]:
    """A backbone's output as a tuple of stages, each a tuple of feature maps; a bare tensor is a tuple of one."""
    stages = features if multi_stage else (features,)
    return tuple((stage,) if isinstance(stage, Tensor) else tuple(stage) for stage in stages)


@torch.no_grad()
def dry_run(module: nn.Module, inputs: Any) -> Any:
    """The module's output for `inputs` (tensors, or nested tuples of them, on `meta`), in evaluation mode.

    It runs on `meta`, which costs nothing; a module that can't run there runs on the CPU.

    Raises:
        RayPoseError: it fails on both.
    """
    failure = f"{type(module).__name__} fails on {_told(inputs)}"
    with evaluating(module):
        return without_values(lambda device: run_on(device, module, inputs), failure, "dry-run")


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """In evaluation mode for a while; afterwards each part is in its own mode again."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training


def run_on(device: str, module: nn.Module, inputs: Any) -> Any:
    """The module's output with zeros, or nothing on `meta`, in the place of its weights and of `inputs`."""
    state = [*module.named_parameters(), *module.named_buffers()]
    moved = {name: tensor for name, tensor in state if tensor.device.type != device}
    moved = {name: torch.zeros_like(tensor, device=device) for name, tensor in moved.items()}
    with Quick():
        return torch.func.functional_call(module, moved, (_to(device, inputs),))


def _to(device: str, value: Any) -> Any:
    if isinstance(value, Tensor):
        return torch.zeros_like(value, device=device)
    return tuple(_to(device, each) for each in value)
