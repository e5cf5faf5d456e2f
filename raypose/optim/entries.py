"""A model's parameters, each with where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Entry:
    """A parameter, its full name, the module that owns it, and the one that this is directly in."""

    name: str
    parameter: nn.Parameter
    module: nn.Module
    parent: nn.Module | None = None

    @property
    def owner(self) -> str:
        """The full name of the module that owns it."""
        return self.name.rpartition(".")[0]


def entries(model: nn.Module) -> Iterator[Entry]:
    """Every parameter of a model under every name that it has, frozen ones too."""
    modules = dict(model.named_modules(remove_duplicate=False))
    for prefix, module in modules.items():
        parent = modules[prefix.rpartition(".")[0]] if prefix else None
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            yield Entry(f"{prefix}.{name}" if prefix else name, parameter, module, parent)
