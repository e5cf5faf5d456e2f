"""Builds each part once, without memory for its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from raypose.errors import Problem, RayPoseError
from raypose.plugins import located


class Failed(RayPoseError):
    """A stage failed; its problems say why, without a place in a space."""

    def __init__(self, stage: str, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.stage = stage

    def __reduce__(self) -> tuple:
        return Failed, (self.stage, self.problems)


@dataclass
class Workshop:
    """What is built already, failures too. `on_cpu` names the components whose code can't run on torch's `meta` device,
    so that they ran on the CPU.

    Example:
        >>> shop = Workshop()
        >>> shop.once("backbone", ("ResNet", 18), lambda: ResNet(depth=18))
    """

    on_cpu: set[str] = field(default_factory=set)
    most: int | None = None  # parts that are kept; the oldest go first
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, stage: str, key: tuple, make: Callable[[], Any]) -> Any:
        """What `make` gives for the key, made at the first time.

        Raises:
            Failed: `make` raised; each time.
        """
        name = f"{stage}{key!r}"
        if name not in self._made:
            self._made[name] = _attempt(stage, make)
            if self.most is not None and len(self._made) > self.most:
                del self._made[next(iter(self._made))]
        made = self._made[name]
        if isinstance(made, Failed):
            raise made
        return made


def _attempt(stage: str, make: Callable[[], Any]) -> Any:
    """On `meta`, else on the CPU: some code looks at values, which `meta` has none of."""
    try:
        with _as_before(), torch.device("meta"):
            return make()
    except Exception as error:
        if isinstance(error, RayPoseError) and not any(each.rule in RAN for each in error.problems):
            return Failed(stage, located(error))
        try:
            with _as_before(), torch.device("cpu"):
                return make()
        except Exception as error:
            return Failed(stage, located(error))


# Rules of failures while a component ran: one that was built on the CPU may do better.
RAN = ("dry-run", "head-input")


@contextmanager
def _as_before() -> Iterator[None]:
    """What a component changes for all, others don't meet."""
    dtype, grad, random = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        torch.set_rng_state(random)
