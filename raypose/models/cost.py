"""What a model costs: its parameters, and the multiply-adds of one image."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from raypose.errors import RayPoseError


@dataclass(frozen=True)
class Cost:
    """`flops` are the multiply-adds of convolutions, matrix products and attention for one image, which is what papers on
    poses call FLOPs; torch's counter says twice as many. Normalisation, activation and pooling are not counted.
    """

    params: int
    flops: int

    def __str__(self) -> str:
        return f"{self.params / 1e6:.2f} M parameters, {self.flops / 1e9:.3g} GFLOPs"


@torch.no_grad()
def cost(module: nn.Module, input_size: tuple[int, int]) -> Cost:
    """Count what a module that takes an image costs; it runs as a copy without values, in evaluation mode.

    Args:
        module: a model, a backbone or anything else that takes [N,3,H,W], on any device; left as it is.
        input_size: width and height of the image, in pixels.

    Raises:
        RayPoseError: it doesn't run on torch's `meta` device.

    Example:
        >>> print(cost(ResNet(50), (192, 256)))
        23.51 M parameters, 4.02 GFLOPs
    """
    width, height = input_size
    shadow = on_meta(module).eval()
    counter = FlopCounterMode(display=False)
    try:
        with counter:
            shadow(torch.empty(1, 3, height, width, device="meta"))
    except Exception as error:
        raise RayPoseError(
            f"the cost of {type(module).__name__} at {width}x{height} can't be counted: {error}", rule="cost"
        ) from error
    return Cost(sum(each.numel() for each in module.parameters()), counter.get_total_flops() // 2)


def on_meta(module: nn.Module) -> nn.Module:
    """A copy of the module on `meta`: its weights are neither copied nor there."""
    tensors: dict[int, Tensor] = {}
    for parameter in module.parameters():
        empty = torch.empty_like(parameter, device="meta")
        tensors[id(parameter)] = nn.Parameter(empty, requires_grad=parameter.requires_grad)
    tensors |= {id(buffer): torch.empty_like(buffer, device="meta") for buffer in module.buffers()}
    return copy.deepcopy(module, memo=tensors)
