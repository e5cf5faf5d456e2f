"""A schedule with a warm-up in front, counted in optimizer steps."""

from __future__ import annotations

from typing import Any

from torch.optim.lr_scheduler import LRScheduler


class Schedule:
    """Rates rise linearly over `warmup` steps to those that `inner` begins with; then `inner` is stepped every `every`
    steps. Call `step()` after each optimizer step.

    The rates themselves are in the optimizer's state: to resume, build both, then load both.
    """

    def __init__(self, inner: LRScheduler, warmup: int = 0, every: int = 1) -> None:
        self.inner, self.warmup, self.every, self.steps = inner, warmup, every, 0
        self._apply()

    def step(self) -> None:
        self.steps += 1
        since = self.steps - self.warmup
        if since > 0 and since % self.every == 0:
            self.inner.step()
        elif since <= 0:
            self._apply()

    def get_last_lr(self) -> list[float]:
        """The rate of each parameter group."""
        return [float(group["lr"]) for group in self.inner.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "inner": self.inner.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps = state_dict["steps"]
        self.inner.load_state_dict(dict(state_dict["inner"]))  # a copy: some schedules take entries out

    def _apply(self) -> None:
        fraction = min(1.0, (self.steps + 1) / (self.warmup + 1))
        for group, rate in zip(self.inner.optimizer.param_groups, self.inner.get_last_lr(), strict=True):
            group["lr"] = rate if fraction == 1 else rate * fraction
