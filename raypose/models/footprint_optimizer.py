"""What an optimizer keeps of each parameter, and what it takes during a step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves, tree_map_only

from raypose.models.footprint_tracking import Live
from raypose.models.valueless import without_values

CHANNELS = 16  # the most that a parameter has where values are needed


class Needs(NamedTuple):
    """`state`: what is kept, as a multiple of the trained parameters' bytes; `step`: what a step takes meanwhile, parameter
    by parameter as on a CPU, as a multiple of the largest one's.
    """

    state: float
    step: float


def needs(optimizer: Optimizer) -> Needs:
    """What an optimizer needs, found by two steps on `meta` with one parameter of each shape; an optimizer that reads
    values steps on the CPU, with parameters of a few channels.

    Args:
        optimizer: on parameters on any device, before its first step; left as it is. One that is made of others has them in
            `parts`, as `Cocktail` has.

    Raises:
        RayPoseError: it fails on both.

    Example:
        >>> needs(AdamW(model.parameters()))
        Needs(state=2.0, step=2.0)
    """
    failure = f"the memory of {type(optimizer).__name__} can't be told"
    return without_values(lambda device: _needs(optimizer, STAND_INS[device]), failure, "cost")


def _empty(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor, device="meta")


def _small(tensor: Tensor) -> Tensor:
    return torch.ones([min(length, CHANNELS) for length in tensor.shape], dtype=tensor.dtype)


STAND_INS = {"meta": _empty, "cpu": _small}


def _needs(optimizer: Optimizer, make: Callable[[Tensor], Tensor]) -> Needs:
    members = [*getattr(optimizer, "parts", {}).values()] or [optimizer]
    with _restored(members), torch.compiler.set_stance("force_eager"):
        stand_ins = [pair for member in members for pair in _substitute(member, make)]
        params = [stand_in for _, stand_in in stand_ins]
        with Live(1, [tensor for each in params for tensor in (each, each.grad) if tensor is not None]) as live:
            optimizer.step()
            live.highest()
            kept = live.now.at(1)
            optimizer.step()
            most = max(line.at(1) for line in live.highest())
        state = {each: _nbytes(member.state[each]) for member in members for each in params if each in member.state}
        total = sum(real for real, _ in stand_ins)
        scaled = sum(real * state.get(each, 0) / each.nbytes for real, each in stand_ins)
        return Needs(scaled / total, (most - kept) / max(each.nbytes for each in params))


def _substitute(member: Optimizer, make: Callable[[Tensor], Tensor]) -> list[tuple[int, Tensor]]:
    """Put a stand-in for the parameters of each shape; the bytes of all of those, and the stand-in."""
    found: dict[torch.Size, nn.Parameter] = {}
    nbytes: dict[torch.Size, int] = {}
    for group in member.param_groups:
        given, group["params"] = group["params"], []
        for parameter in given:
            shape = parameter.shape
            nbytes[shape] = nbytes.get(shape, 0) + parameter.nbytes
            if parameter.requires_grad and shape not in found:
                found[shape] = nn.Parameter(make(parameter))
                found[shape].grad = make(parameter)
                group["params"].append(found[shape])
                if parameter in member.state:
                    member.state[found[shape]] = tree_map_only(Tensor, partial(_kept, make), member.state[parameter])
    member.param_groups[:] = [group for group in member.param_groups if group["params"]]
    return [(nbytes[shape], stand_in) for shape, stand_in in found.items()]


def _kept(make: Callable[[Tensor], Tensor], state: Tensor) -> Tensor:
    """A count of steps is read, and keeps its value where it has one."""
    return make(state) if state.ndim or state.is_meta else state.clone()


@contextlib.contextmanager
def _restored(members: Sequence[Optimizer]) -> Iterator[None]:
    saved = [(each, [(group, dict(group)) for group in each.param_groups], dict(each.state)) for each in members]
    try:
        yield
    finally:
        for member, groups, state in saved:
            member.param_groups[:] = [group for group, _ in groups]
            for group, values in groups:
                group.clear()
                group.update(values)
            member.state.clear()
            member.state.update(state)


def _nbytes(state: object) -> int:
    return sum(each.nbytes for each in tree_leaves(state) if isinstance(each, Tensor))
