"""Averaged weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class Averaged(AveragedModel):
    """An exponential moving average of a model's weights and of its buffers, in `module`; counters are the model's. Torch's
    own waits for the device at every update: its count of updates comes and goes. Here the count stays on the CPU.

    Example:
        >>> averaged = Averaged(model, decay=0.99)
        >>> averaged.update_parameters(model)  # after every step
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model, use_buffers=True)
        self.decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        pairs = list(zip(_tensors(self.module), _tensors(model), strict=True))
        decay = self.decay if self.n_averaged > 0 else 0.0  # the first ones are taken as they are
        smooth = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([own for own, _ in smooth], [new for _, new in smooth], 1 - decay)
        for own, new in pairs:
            if not own.is_floating_point():
                own.copy_(new)
        self.n_averaged += 1


def _tensors(model: Any) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
