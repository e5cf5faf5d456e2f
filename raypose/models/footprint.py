"""What a component takes in a training step, measured without values, and how components add up to a step's peak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn


class Line(NamedTuple):
    """Bytes of a batch of N images: N * per_image + fixed."""

    per_image: int = 0
    fixed: int = 0

    def at(self, batch_size: int) -> int:
        return batch_size * self.per_image + self.fixed


@dataclass(frozen=True)
class Footprint:
    kept: Line
    forward: tuple[Line, ...]
    backward: tuple[Line, ...]
    gradients: int
    parameters: int
    buffers: int
    inputs: Line
    largest: int = 0


def measure(module: nn.Module | Callable[[Any], Any], inputs: Any, gradient: bool = True) -> Footprint:
    """`gradient`: whether gradients flow on into the inputs; False for images."""
    raise NotImplementedError


def peak(
    parts: Sequence[Footprint], batch_size: int, state_ratio: float = 2.0, step_ratio: float = 2.0, ema: bool = False
) -> int:
    raise NotImplementedError
