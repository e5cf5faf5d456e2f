"""What things that cost the same have in common, so that one of them is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

PLAIN = (bool, int, str, tuple)  # fractions hardly change a cost, but would tell most samples apart


def likeness(module: nn.Module) -> tuple:
    """Equal for modules that cost the same; the loss that a head owns counts on its own."""
    children = [(name, child) for name, child in module.named_children() if name != "loss_keypoint"]
    told = str([(name, repr(child), plain(child)) for name, child in children])
    return plain(module), told, shapes(list(module.parameters())), plain(getattr(module, "codec", None))


def plain(component: Any) -> tuple:
    """The class of a component, and its attributes that are plain values."""
    values = {key: value for key, value in getattr(component, "__dict__", {}).items() if isinstance(value, PLAIN)}
    return type(component).__qualname__, values


def shapes(value: Any) -> Any:
    """The shapes of tensors in nested lists or tuples."""
    return tuple(value.shape) if isinstance(value, Tensor) else tuple(map(shapes, value))


def zero_or_not(value: Any) -> Any:
    """A configuration with fractions told apart by whether they are 0 alone, as an optimizer's memory does."""
    if isinstance(value, Mapping):
        return {key: zero_or_not(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [zero_or_not(each) for each in value]
    return bool(value) if isinstance(value, float) else value
