"""What a component takes in a training step, measured without values, and how components add up to a step's peak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from raypose.models.cost import copy_on
from raypose.models.footprint_ends import inputs_like, loss_of, tensors
from raypose.models.footprint_tracking import FusedAttention, Line, Live
from raypose.models.quick import Quick
from raypose.models.valueless import without_values

# How many images are tried. Primes, which divide what doesn't grow with the batch hardly ever; the CPU has to compute.
BATCH = {"meta": 127, "cpu": 7}


@dataclass(frozen=True)
class Footprint:
    """Bytes that a component takes in a training step: lines are for batches of any size, the others fixed.

    Args:
        kept: from its forward pass to its backward pass: its output, and what that pass needs.
        forward, backward: the most of its own that is live during a pass, each line the highest at some batch size; the
            gradients of its output, its parameters and its inputs are its own.
        inputs: what it was given.
        parameters, buffers: all of them.
        gradients: of those parameters that get one.
        largest: of those.
    """

    kept: Line
    forward: tuple[Line, ...]
    backward: tuple[Line, ...]
    inputs: Line
    parameters: int
    buffers: int
    gradients: int
    largest: int


def measure(
    module: nn.Module, inputs: Any, gradient: bool = True, then: Callable[[Any], Any] | None = None
) -> Footprint:
    """The footprint of a module in training, found by a forward and a backward pass of a copy on `meta`, channels-last; a
    module that can't run there runs on the CPU, with zeros.

    Args:
        module: on any device; left as it is. Of a head, the parameters of its `loss_keypoint` are left to the loss.
        inputs: a tensor [N,...], or nested tuples or lists of them; only their shapes without N, and types, are read.
        gradient: whether gradients flow on into the inputs: not into images.
        then: what the next component takes of the output; the rest is freed.

    Raises:
        RayPoseError: it fails on both.

    Example:
        >>> measure(ResNet(50), torch.empty(2, 3, 256, 192, device="meta"), gradient=False).kept
        Line(per_image=83558400, fixed=212480)
    """
    failure = f"the memory of {type(module).__name__} can't be told"
    return without_values(lambda device: _measure(device, module, inputs, gradient, then), failure, "cost")


def _measure(device: str, module: nn.Module, inputs: Any, gradient: bool, then: Any) -> Footprint:
    copy = copy_on(device, module).train().to(memory_format=torch.channels_last)
    given = inputs_like(inputs, BATCH[device], device, gradient)
    there, buffers = [*tensors(given), *copy.parameters(), *copy.buffers()], [*copy.buffers()]
    entering = sum(each.nbytes for each in tensors(given))
    with torch.enable_grad(), Live(BATCH[device], there) as live, FusedAttention(), Quick():
        output = copy(given) if then is None else then(copy(given))
        kept, forward = live.now, live.highest()
        loss = loss_of(output)
        del output
        if loss is not None:
            loss.backward()
        backward = live.highest()
    parameters = _own(copy)
    trained = [each.nbytes for each in parameters if each.grad is not None]
    return Footprint(
        kept,
        forward,
        backward,
        inputs=Line(entering // BATCH[device]),
        parameters=sum(each.nbytes for each in parameters),
        buffers=sum(each.nbytes for each in buffers),
        gradients=sum(trained),
        largest=max(trained, default=0),
    )


def _own(module: nn.Module) -> list[Tensor]:
    loss = getattr(module, "loss_keypoint", None)
    others = {id(each) for each in loss.parameters()} if isinstance(loss, nn.Module) else set()
    return [each for each in module.parameters() if id(each) not in others]


def peak(
    parts: Sequence[Footprint], batch_size: int, state_ratio: float = 2.0, step_ratio: float = 2.0, ema: bool = False
) -> int:
    """The most bytes of tensors that are live in a training step in float32, as `raypose.training` does it.

    Args:
        parts: what the step passes through, in order: backbone, neck, head, loss.
        state_ratio, step_ratio: what the optimizer keeps, as a multiple of the parameters that it trains, and what it takes
            meanwhile, as a multiple of the largest of them; see `raypose.models.footprint_optimizer.needs`.
        ema: whether averaged weights are kept.

    Example:
        >>> peak(footprints(model, (192, 256), 17), batch_size=32, state_ratio=1, step_ratio=0)  # SGD with momentum
    """
    gradients = sum(each.gradients for each in parts)
    weights = sum(each.parameters + each.buffers for each in parts)
    there = weights * (2 if ema else 1) + int(state_ratio * gradients) + parts[0].inputs.at(batch_size)
    highs = [gradients + int(step_ratio * max(each.largest for each in parts))]
    kept, later = 0, gradients
    for part in parts:
        highs.append(kept + _most(part.forward, batch_size))
        later -= part.gradients
        highs.append(later + kept + _most(part.backward, batch_size))
        kept += part.kept.at(batch_size)
    return there + max(highs)


def _most(lines: Sequence[Line], batch_size: int) -> int:
    return max(line.at(batch_size) for line in lines)
