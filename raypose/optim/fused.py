"""Torch's fused optimizers, which step all parameters in one kernel, and need no look at a gradient scaler's verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from raypose.registry import OPTIMIZERS

# Where torch has the kernels. On `meta`, where no step is made, an optimizer is built as it is going to be.
DEVICES = ("cpu", "cuda", "meta")
# Who says one of them has chosen how to step.
CHOICES = ("fused", "foreach", "capturable", "differentiable")


def fused(optimizer_cfg: Mapping[str, Any], parameters: Iterable[Tensor]) -> dict[str, bool]:
    """`{"fused": True}` where that optimizer of torch's has it, the user chose no other way, and the parameters are
    floating-point numbers on a device that has the kernels; else nothing.

    Example:
        >>> fused({"type": "AdamW", "lr": 1e-3}, model.parameters())
        {'fused': True}
    """
    component = optimizer_cfg.get("type")
    cls: Any = OPTIMIZERS.get(component) if isinstance(component, str) else component
    if not str(getattr(cls, "__module__", "")).startswith("torch.optim.") or "fused" not in signature(cls).parameters:
        return {}
    fits = all(each.is_floating_point() and _has_kernels(cls, each.device.type) for each in parameters)
    return {"fused": True} if fits and not any(key in optimizer_cfg for key in CHOICES) else {}


def _has_kernels(cls: type, device: str) -> bool:
    """Adagrad's for GPUs, for one, are younger than the oldest torch that will do."""
    if device not in DEVICES or device == "meta":
        return device == "meta"
    step = getattr(torch.ops.aten, f"_fused_{cls.__name__.lower()}_", None)
    return step is not None and step.default.has_kernel_for_dispatch_key(getattr(torch._C.DispatchKey, device.upper()))
