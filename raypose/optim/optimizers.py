"""Every optimizer of torch.optim that can train a pose model. `Muon` takes 2-D parameters only: give it some by name,
and the rest to another optimizer, with `CocktailOptimizerConstructor`."""

from __future__ import annotations

import inspect

import torch

from raypose.registry import OPTIMIZERS

LEFT_OUT = {
    "LBFGS": "evaluates the loss several times a step and takes one group of parameters",
    "SparseAdam": "takes sparse gradients only, which no layer of a pose model has",
}

for _name, _member in vars(torch.optim).items():
    if inspect.isclass(_member) and torch.optim.Optimizer in _member.__mro__[1:] and _name not in LEFT_OUT:
        OPTIMIZERS.register_module(module=_member)
