"""A schedule with a warm-up in front, counted in optimizer steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch.optim.lr_scheduler import LRScheduler

from raypose.errors import RayPoseError, nearest

WARMUP_KEYS = ("warmup", "warmup_iters", "warmup_type", "warmup_ratio")

# mmcv's: the factor of the rates with a fraction `left` of the warm-up still to go, and a first factor of `ratio`.
KINDS: dict[str, Callable[[float, float], float]] = {
    "constant": lambda ratio, left: ratio,
    "linear": lambda ratio, left: 1 - (1 - ratio) * left,
    "exp": lambda ratio, left: ratio**left,
}
RATIO = 0.1  # mmcv's default


@dataclass(frozen=True)
class Warmup:
    """Factors of the rates that begin with `ratio` and lead to 1 in `steps` steps.

    Example:
        >>> [Warmup(4, "linear", 0.2).factor(step) for step in range(5)]
        [0.2, 0.4, 0.6, 0.8, 1.0]
    """

    steps: int = 0
    kind: str = "linear"
    ratio: float = RATIO

    def factor(self, step: int) -> float:
        return 1.0 if step >= self.steps else KINDS[self.kind](self.ratio, 1 - step / self.steps)


def read_warmup(cfg: Mapping[str, Any], total: int, steps_per_epoch: int) -> Warmup:
    """The warm-up of a training of `total` steps.

    Args:
        cfg: how long it is: `warmup`, below 1 a fraction of all steps, else epochs; or `warmup_iters`, in steps. How it
            goes: `warmup_type`, `linear` (default), `exp` or `constant`. Where it starts: `warmup_ratio`, the first
            factor of the rates; left out, it is near 0 (one step's share) for `linear`, else 0.1.

    Raises:
        RayPoseError: wrong values, or a warm-up as long as the training.

    Example:
        >>> read_warmup({"warmup_iters": 500, "warmup_ratio": 0.001}, total=10_000, steps_per_epoch=100)
        Warmup(steps=500, kind='linear', ratio=0.001)
    """
    kind, ratio = cfg.get("warmup_type", "linear"), cfg.get("warmup_ratio")
    if kind not in KINDS:
        raise RayPoseError(f"unknown warmup_type {kind!r}", hint=nearest(kind, KINDS), rule="wrong-value")
    if ratio is not None and (isinstance(ratio, (bool, str)) or not 0 < ratio <= 1):
        raise RayPoseError(f"0 < warmup_ratio <= 1 must hold, but got {ratio!r}", rule="wrong-value")
    steps = _steps(cfg, total, steps_per_epoch)
    if total and steps >= total:
        raise RayPoseError(f"the warm-up takes {steps} of {total} steps", hint="make it shorter", rule="wrong-value")
    if ratio is None:
        ratio = 1 / (steps + 1) if kind == "linear" else RATIO
    return Warmup(steps, kind, ratio)


def _steps(cfg: Mapping[str, Any], total: int, steps_per_epoch: int) -> int:
    lengths = [key for key in ("warmup", "warmup_iters") if key in cfg]
    if len(lengths) != 1 and cfg:
        message = "a warm-up has one length" + (", but got none" if not lengths else f", but got {lengths}")
        raise RayPoseError(message, hint="give warmup or warmup_iters", rule="wrong-value")
    length = cfg[lengths[0]] if lengths else 0
    if isinstance(length, str) and length in KINDS:
        raise RayPoseError(
            f"warmup is a length, but got {length!r}", hint="write that as warmup_type", rule="wrong-type"
        )
    if isinstance(length, (bool, str)) or not length >= 0:
        raise RayPoseError(f"{lengths[0]} >= 0 must hold, but got {length!r}", rule="wrong-value")
    if lengths == ["warmup_iters"]:
        return round(length)
    return round(length * (total if length < 1 else steps_per_epoch))


class Schedule:
    """`warmup` leads the rates to those that `inner` begins with; then `inner` is stepped every `every` steps. Call
    `step()` after each optimizer step.

    The rates themselves are in the optimizer's state: to resume, build both, then load both.
    """

    def __init__(self, inner: LRScheduler, warmup: Warmup | None = None, every: int = 1) -> None:
        self.inner, self.warmup, self.every, self.steps = inner, warmup or Warmup(), every, 0
        self._apply()

    def step(self) -> None:
        self.steps += 1
        since = self.steps - self.warmup.steps
        if since > 0 and since % self.every == 0:
            self.inner.step()
        elif since <= 0:
            self._apply()

    def get_last_lr(self) -> list[float]:
        """The rate of each parameter group."""
        return [float(group["lr"]) for group in self.inner.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        built = [self.warmup.steps, self.warmup.kind, self.warmup.ratio, self.every]  # to tell other schedules' states
        return {"steps": self.steps, "inner": self.inner.state_dict(), "built": built}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps = state_dict["steps"]
        self.inner.load_state_dict(dict(state_dict["inner"]))  # a copy: some schedules take entries out

    def _apply(self) -> None:
        factor = self.warmup.factor(self.steps)
        for group, rate in zip(self.inner.optimizer.param_groups, self.inner.get_last_lr(), strict=True):
            group["lr"] = rate if factor == 1 else rate * factor
