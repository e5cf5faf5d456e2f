"""What was built, as a few hashes and numbers: whether two trials trained the same is seen without their weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

RATES = ("lr", "weight_decay")  # what the summary tells of a group


def fingerprint(model: nn.Module, optimizer: Any) -> dict[str, Any]:
    """Of a model and its optimizer as they were built, before the first step and before a schedule changes any rate.

    `model` hashes the modules (path and class; of torch's own, their settings, too) and the name, shape, type and whether
    it is trained of each parameter; `optimizer` its class and, group by group, its parameters and all settings. Values of
    weights are not looked at, so that seeds make no difference. A few milliseconds.

    Example:
        >>> fingerprint(model, torch.optim.SGD(model.parameters(), lr=0.1))["groups"]
        [{'parameters': 161, 'lr': 0.1, 'weight_decay': 0}]
    """
    parameters = dict(model.named_parameters())
    names = {id(parameter): name for name, parameter in parameters.items()}
    groups = [_group(each, names) for each in getattr(optimizer, "param_groups", ())]
    shapes = [[name, tuple(each.shape), str(each.dtype), each.requires_grad] for name, each in parameters.items()]
    optimizers = (optimizer, *getattr(optimizer, "parts", {}).values())
    return {
        "model": _hash([_module(*each) for each in model.named_modules()], shapes),
        "optimizer": _hash([_path(each) for each in optimizers], groups),
        "parameters": sum(parameter.numel() for parameter in parameters.values()),
        "groups": [_summary(each) for each in groups],
    }


def _module(name: str, module: nn.Module) -> tuple[str, str, str]:
    # What others' modules say of themselves may hold addresses, which differ from process to process.
    settings = module.extra_repr() if type(module).__module__.startswith("torch.nn.") else ""
    return name, _path(module), settings


def _group(group: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    parameters = [names.get(id(each), "?") for each in group["params"]]
    return {"params": parameters, **{key: _plain(value) for key, value in group.items() if key != "params"}}


def _summary(group: Mapping[str, Any]) -> dict[str, Any]:
    return {"parameters": len(group["params"]), **{key: group[key] for key in RATES if key in group}}


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else list(value.shape)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else type(value).__name__


def _path(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _hash(*facts: Iterable[Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
