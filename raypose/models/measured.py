"""What a model costs as metrics of its training: `params`, `flops`, `memory`, `latency`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer

from raypose.models.cost import cost
from raypose.models.footprint import peak
from raypose.models.footprint_model import footprints
from raypose.models.footprint_optimizer import needs
from raypose.models.latency import latency


@dataclass(frozen=True)
class Trained:
    """A model before its first step, and how it is going to be trained."""

    model: Any
    optimizer: Optimizer
    input_size: tuple[int, int]
    batch_size: int
    ema: bool = False
    device: str = "cpu"
    autocast: Callable[[], AbstractContextManager] = nullcontext

    def memory(self) -> int:
        """Bytes of a training step, see `raypose.models.footprint.peak`."""
        kept, meanwhile = needs(self.optimizer)
        return peak(footprints(self.model, self.input_size), self.batch_size, kept, meanwhile, self.ema)


# By name, as in `config.COSTS`; flops are multiply-adds of one image, latency is in milliseconds of one.
MEASURES: dict[str, Callable[[Trained], float]] = {
    "params": lambda trained: sum(each.numel() for each in trained.model.parameters()),
    "flops": lambda trained: cost(trained.model, trained.input_size).flops,
    "memory": Trained.memory,
    "latency": lambda trained: latency(trained.model, trained.input_size, trained.device, trained.autocast),
}


def measured(names: Collection[str], trained: Trained) -> dict[str, float]:
    """Those costs; names that are none are left.

    Raises:
        RayPoseError: the model cannot be priced.

    Example:
        >>> measured({"params", "AP"}, Trained(model, optimizer, (192, 256), batch_size=32))
        {'params': 11200000.0}
    """
    return {name: float(measure(trained)) for name, measure in MEASURES.items() if name in names}
