"""Going on with an optimizer's state after its rates, or other values, have changed."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def built(optimizer: Optimizer, schedule: Any) -> str:
    """What an optimizer and its schedule begin with, to tell whether a state is of the same ones.

    Example:
        >>> built(optimizer, schedule) == checkpoint["built"]
        True
    """
    return repr((settings(optimizer), schedule.state_dict()))


def settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """The values of each parameter group: rates, momentum, weight decay, ..."""
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def continue_as_built(optimizer: Optimizer, state: Any, schedule: Any, steps: int) -> None:
    """Take the moments and step counts of `state`, but keep the values that `optimizer` was built with, and bring the new
    `schedule` to where it is after `steps` steps.

    Raises:
        ValueError: the state is of other parameter groups.
    """
    own = settings(optimizer)
    optimizer.load_state_dict(state)
    for group, values in zip(optimizer.param_groups, own, strict=True):
        group.update(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, that no optimizer step came before
        for _ in range(steps):
            schedule.step()


def align(optimizer: Optimizer) -> None:
    """Give what is kept of a parameter the parameter's memory layout, which another device may have had otherwise, and its
    device, where others keep counts of steps on the CPU: fused kernels go by addresses alone."""
    for member in [*getattr(optimizer, "parts", {}).values()] or [optimizer]:
        for group in member.param_groups:
            for parameter in group["params"]:
                _align(parameter, member.state.get(parameter, {}), bool(group.get("fused")))


def _align(parameter: Tensor, state: dict[str, Any], fused: bool) -> None:
    for key, value in state.items():
        if not isinstance(value, Tensor):
            continue
        if value.shape == parameter.shape and value.stride() != parameter.stride():
            state[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        elif fused and value.device != parameter.device:
            state[key] = value.to(parameter.device)
