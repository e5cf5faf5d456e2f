"""What a model costs: its parameters, the multiply-adds of one image, and the memory that it trains in."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

from raypose.models.ports import evaluating, run_on
from raypose.models.valueless import without_values


@dataclass(frozen=True)
class Cost:
    """`flops` are the multiply-adds of convolutions, matrix products and attention for one image, which is what papers on
    poses call FLOPs; torch's counter says twice as many. Normalisation, activation and pooling are not counted.

    `memory` is the peak of a training step in bytes, see `raypose.models.footprint.peak`.
    """

    params: int
    flops: int
    memory: int | None = None

    def __str__(self) -> str:
        memory = "" if self.memory is None else f", {self.memory / 1e9:.3g} GB in training"
        return f"{self.params / 1e6:.2f} M parameters, {self.flops / 1e9:.3g} GFLOPs{memory}"


def cost(module: nn.Module, input_size: tuple[int, int]) -> Cost:
    """Count what a module that takes an image costs; it runs as a copy without values, in evaluation mode.

    Args:
        module: a model, a backbone or anything else that takes [N,3,H,W], on any device; left as it is.
        input_size: width and height of the image, in pixels.

    Raises:
        RayPoseError: it doesn't run.

    Example:
        >>> print(cost(ResNet(50), (192, 256)))
        23.51 M parameters, 4.02 GFLOPs
    """
    image = torch.empty(1, 3, input_size[1], input_size[0], device="meta")
    return Cost(sum(each.numel() for each in module.parameters()), count(module, image))


@torch.no_grad()
def count(module: nn.Module, inputs: Any) -> int:
    """The multiply-adds of one image; the module runs without values, in evaluation mode, or, if it can't, on the CPU with
    zeros.

    Args:
        module: on any device; left as it is.
        inputs: a tensor [N,...], or nested tuples or lists of them; only their shapes without N, and types, are read.

    Raises:
        RayPoseError: it fails on both.

    Example:
        >>> count(HeatmapHead(512, 17), torch.empty(2, 512, 8, 6, device="meta"))
    """
    failure = f"{type(module).__name__} fails on {_shapes(inputs)}"
    with evaluating(module):
        return without_values(lambda device: _count(device, module, inputs), failure, "cost")


def _count(device: str, module: nn.Module, inputs: Any) -> int:
    counter = FlopCounterMode(display=False)
    one = tree_map(lambda each: torch.zeros((1, *each.shape[1:]), dtype=each.dtype, device=device), inputs)
    with counter, sdpa_kernel(SDPBackend.MATH):  # the counter doesn't know the fused attention of CPUs
        run_on(device, module, one)
    return counter.get_total_flops() // 2


def _shapes(inputs: Any) -> str:
    return str(list(inputs.shape[1:])) if isinstance(inputs, Tensor) else ", ".join(map(_shapes, inputs))


def copy_on(device: str, module: nn.Module) -> nn.Module:
    """A copy of the module on a device, with zeros in the place of its weights."""
    tensors: dict[int, Tensor] = {}
    make = torch.empty_like if device == "meta" else torch.zeros_like
    for parameter in module.parameters():
        made = make(parameter, device=device)
        tensors[id(parameter)] = nn.Parameter(made, requires_grad=parameter.requires_grad)
    tensors |= {id(buffer): make(buffer, device=device) for buffer in module.buffers()}
    return copy.deepcopy(module, memo=tensors)
