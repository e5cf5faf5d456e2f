"""The optimizers of torch.optim and timm.optim that can train a pose model, under the names of their classes.

Any other importable one has its dotted name, for example `timm.optim.Muon`. What timm calls a variant (cautious, with
corrected weight decay, ...) is the class with an argument: `{type: Lion, caution: true}`. Torch's `Muon` takes 2-D
parameters only, see HINTS; timm's takes all.
`Kron` compiles its steps with torch.compile: on a CPU it needs a C++ compiler.
"""

from __future__ import annotations

import inspect
from types import MappingProxyType

import torch

from raypose.registry import OPTIMIZERS

# timm's, by the module of timm.optim that they are in; importing timm takes seconds, so that this waits until one is used.
TIMM = MappingProxyType(
    {
        "AdaBelief": "adabelief",
        "AdafactorBigVision": "adafactor_bv",
        "AdamP": "adamp",
        "AdamWLegacy": "adamw",
        "Adan": "adan",
        "Adopt": "adopt",
        "Kron": "kron",
        "LaProp": "laprop",
        "Lamb": "lamb",
        "Lars": "lars",
        "Lion": "lion",
        "MADGRAD": "madgrad",
        "Mars": "mars",
        "NAdamW": "nadamw",
        "NvNovoGrad": "nvnovograd",
        "RMSpropTF": "rmsprop_tf",
        "SGDP": "sgdp",
        "SGDW": "sgdw",
    }
)

# By where they are defined, so that other classes of the same name are not meant.
LEFT_OUT = MappingProxyType(
    {
        "torch.optim.lbfgs.LBFGS": "evaluates the loss several times a step and takes one group of parameters",
        "torch.optim.sparse_adam.SparseAdam": "takes sparse gradients only, which no layer of a pose model has",
        "timm.optim.adahessian.Adahessian": "needs gradients of gradients, which training does not compute",
        "timm.optim.lookahead.Lookahead": "wraps another optimizer",
        "timm.optim.nadam.NAdamLegacy": "is left out, since torch's NAdam replaces it",
        "timm.optim.radam.RAdamLegacy": "is left out, since torch's RAdam replaces it",
    }
)

# What to do about an optimizer's own error, by a part of its message.
HINTS = MappingProxyType(
    {
        "only supports 2D parameters": "give it some parameters by name and the rest to another optimizer, with "
        "constructor: CocktailOptimizerConstructor, or use timm.optim.Muon, which takes all",
    }
)

OPTIMIZERS.leave_out(LEFT_OUT)

for _name, _member in vars(torch.optim).items():
    _is_optimizer = inspect.isclass(_member) and torch.optim.Optimizer in _member.__mro__[1:]
    if _is_optimizer and f"{_member.__module__}.{_name}" not in LEFT_OUT:
        OPTIMIZERS.register_module(module=_member)
for _name, _module in TIMM.items():
    OPTIMIZERS.register_lazy(_name, f"timm.optim.{_module}:{_name}")
