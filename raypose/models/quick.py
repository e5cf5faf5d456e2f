"""Batch normalisation on `meta` in one operation: torch works it out in some fifty, which is most of the time of a network
without values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import batch_norm
from torch.overrides import TorchFunctionMode


class Quick(TorchFunctionMode):
    """A context in which batch normalisation on `meta` gives and keeps tensors of the right shapes, and nothing else.

    Example:
        >>> with Quick():
        ...     ResNet(50).to("meta")(torch.empty(2, 3, 256, 192, device="meta"))
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is batch_norm and args and args[0].is_meta and args[0].numel():
            return _normalized(*args, **kwargs)
        return func(*args, **kwargs)


def _normalized(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    channels = input.shape[1]
    for each in (running_mean, running_var, weight, bias):
        if each is not None and each.shape != (channels,):
            raise RuntimeError(f"batch_norm: {channels} channels, but a parameter or statistic of {list(each.shape)}")
    if training and input.numel() == channels:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    return _BatchNorm.apply(input, weight, bias, training)


class _BatchNorm(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor | None, bias: Tensor | None, training: bool) -> Tensor:
        statistics = [input.new_empty(input.shape[1]) for _ in range(2 * training)]
        ctx.save_for_backward(input, weight, bias, *statistics)
        return torch.empty_like(input)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        input, weight, bias, *_ = ctx.saved_tensors
        wanted = zip((input, weight, bias), ctx.needs_input_grad, strict=False)
        return (*(torch.empty_like(each) if needed and each is not None else None for each, needed in wanted), None)
