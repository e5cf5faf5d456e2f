"""Several optimizers that behave as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer


class Cocktail(Optimizer):
    """Steps `parts` together. `param_groups` are theirs (the same dicts), so that schedules change the parts' rates.

    What the optimizers remember of each parameter stays in the parts' `state`. `defaults` are those that all parts
    share: a schedule that cycles momentum asks them.

    Example:
        >>> cocktail = Cocktail({"backbone": SGD(backbone.parameters()), "keypoint_head": AdamW(head.parameters())})
    """

    def __init__(self, parts: Mapping[str, Optimizer]) -> None:
        self.parts = dict(parts)
        first, *others = [part.defaults for part in self.parts.values()]
        shared = {key: value for key, value in first.items() if all(key in other for other in others)}
        super().__init__(self._groups(), shared)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of each part; `closure` is evaluated once, before."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts.values():
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """`{part: its state}`."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raises ValueError if the state is of other parts."""
        if state_dict.keys() != self.parts.keys():
            raise ValueError(f"the state is of the parts {list(state_dict)}, but these are {list(self.parts)}")
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])
        self.param_groups = self._groups()  # a part replaces its own when it loads a state

    def _groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts.values() for group in part.param_groups]
