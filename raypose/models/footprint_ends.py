"""What stands for the components before and after one whose passes are followed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten


def inputs_like(given: Any, batch_size: int, device: str, gradient: bool) -> Any:
    """Zeros in the structure of `given`, channels-last; `gradient` lets gradients flow on, into nothing."""

    def make(each: Tensor) -> Tensor:
        layout = torch.channels_last if each.ndim == 4 else torch.contiguous_format
        return torch.zeros((batch_size, *each.shape[1:]), dtype=each.dtype, device=device).to(memory_format=layout)

    zeros = tree_map(make, given)
    if not gradient:
        return zeros
    leaves, structure = tree_flatten(zeros)
    return tree_unflatten(list(_Before.apply(torch.zeros((), requires_grad=True), *leaves)), structure)


def loss_of(output: Any) -> Tensor | None:
    """A scalar whose backward pass gives gradients of `output`, but which keeps nothing of it; None if none flow."""
    taken = [each for each in tensors(output) if each.requires_grad]
    return _After.apply(*taken) if taken else None


def tensors(value: Any) -> list[Tensor]:
    """Those in nested tuples and lists."""
    return [each for each in tree_leaves(value) if isinstance(each, Tensor)]


class _Before(Function):
    """Makes its outputs anew, since a component may change them in place, as it may not change a leaf."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, *zeros: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        return tuple(torch.zeros_like(each) for each in zeros)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[None, ...]:
        return (None,) * (1 + len(gradients))


class _After(Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> Tensor:
        ctx.like = [(each.shape, each.stride(), each.dtype, each.device) for each in given]
        return given[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, ...]:
        return tuple(
            torch.empty_strided(shape, stride, dtype=dtype, device=device).zero_()
            for shape, stride, dtype, device in ctx.like
        )
