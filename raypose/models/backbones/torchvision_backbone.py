"""A network of torchvision that runs from module to module as a backbone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torchvision
from torch import Tensor, nn

from raypose.models.backbones.depths import NORMS, unit_depths
from raypose.models.backbones.rows import Net, Row
from raypose.models.backbones.stages import STRIDES, check_out_indices, follow_quickly
from raypose.models.backbones.weights import LibraryBackbone
from raypose.models.ports import Port


class TorchvisionBackbone(LibraryBackbone):
    """A row's network up to the last feature map that is asked for; modules and weights have torchvision's names."""

    def __init__(self, row: Row, net: Net, out_indices: Sequence[int], **options: Any) -> None:
        super().__init__()
        indices = check_out_indices(out_indices)
        self.out_indices = indices
        self.out = tuple(Port(net.channels[i], STRIDES[i]) for i in indices)
        self.imagenet = net.weights
        built = torchvision.models.get_model(net.name, weights=None, **net.options, **options)
        if row.adapt is not None:
            row.adapt(built)
        self.trunk, self.ends = net.ends[0].rpartition(".")[0], net.ends[: indices[-1] + 1]
        kept = {}
        for name, child in built.get_submodule(self.trunk).named_children():
            kept[name] = child
            if name == self.ends[-1].rpartition(".")[2]:
                break
        if self.trunk:
            kept = {self.trunk: _sequential(kept)}
        for name, child in kept.items():
            self.add_module(name, child)
        follow_quickly(self)

    def forward(self, img: Tensor) -> tuple[Tensor, ...]:
        """One map [N,C,H/stride,W/stride] for each of `out_indices`."""
        x, maps = img, []
        for name, module in self._steps():
            x = module(x)
            if name in self.ends and self.ends.index(name) in self.out_indices:
                maps.append(x)
        return tuple(maps)

    def layer_depths(self, stage_wise: bool) -> dict[str, int]:
        """The depth of each parameter: 0 is the stem; a block or layer or, stage-wise, a stage each."""
        stages: list[list[tuple[str, nn.Module]]] = [[], []]
        for name, module in self._steps():
            for unit, block in _blocks(name, module):
                stem = not stages[0] or (not stages[-1] and isinstance(block, NORMS))
                stages[0 if stem else -1].append((unit, block))
            if name in self.ends:
                stages.append([])
        return unit_depths(stages, stage_wise)

    def _steps(self) -> Iterator[tuple[str, nn.Module]]:
        """The modules that run one after the other, with their names."""
        prefix = f"{self.trunk}." if self.trunk else ""
        for name, module in self.get_submodule(self.trunk).named_children():
            yield prefix + name, module


def _sequential(children: dict[str, nn.Module]) -> nn.Sequential:
    sequence = nn.Sequential()
    for name, child in children.items():
        sequence.add_module(name, child)
    return sequence


def _blocks(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The blocks of a stage with parameters, or the module itself if it is no stage."""
    inner = module.named_children() if type(module) is nn.Sequential else [("", module)]
    for child, block in inner:
        if next(block.parameters(), None) is not None:
            yield f"{name}.{child}" if child else name, block
