"""What operations take for themselves while they run; nothing on `meta` shows it."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

BLOCK = 16  # channels that oneDNN packs together


def scratch(operation: Any, args: tuple) -> int:
    """Bytes that an operation needs beside its inputs and outputs."""
    found = SCRATCH.get(operation)
    return 0 if found is None else found(*args)


def _forward(inputs: Tensor, weight: Tensor, *rest: Any) -> int:
    """A copy of the weights in the kernel's layout."""
    return 0 if _pointwise(weight) else weight.nbytes


def _backward(gradient: Tensor, inputs: Tensor, weight: Tensor, *rest: Any) -> int:
    """Two copies of the weights' gradient, one in whole blocks of channels. Where each channel is a group, only kernels up
    to 3x3 go without blocks: for larger ones a copy has 256 times the weights."""
    if _pointwise(weight):
        return 0
    *_, groups, _ = rest
    a_group = (weight.shape[0] // groups, weight.shape[1])
    if a_group == (1, 1) and max(weight.shape[2:]) <= 3:
        return 2 * weight.nbytes
    return weight.nbytes + int(weight.nbytes * prod(-(-each // BLOCK) * BLOCK / each for each in a_group))


def _pointwise(weight: Tensor) -> bool:
    return all(length == 1 for length in weight.shape[2:])


# Measured with torch 2.14's oneDNN; cuDNN's differ, and like them hardly count beside the feature maps of a usual batch.
SCRATCH: dict[Any, Callable[..., int]] = {
    torch.ops.aten.convolution.default: _forward,
    torch.ops.aten.convolution_backward.default: _backward,
}
