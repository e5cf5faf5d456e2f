"""Components of a space that cost nothing to build, built by themselves: their constructors say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from raypose.registry import LR_SCHEDULES, METRICS
from raypose.tuning.sampling.samplers import build_sampler
from raypose.tuning.stopping.schedulers import build_scheduler

# So many steps an epoch that no warm-up counted in steps is too long; what a real training has is not known here.
STEPS = 10**9


def try_schedule(cfg: Mapping[str, Any], epochs: int) -> None:
    """Build a schedule of RayPose's or torch's; one of a user's may want more of an optimizer than there is here."""
    if getattr(LR_SCHEDULES.get(cfg["type"]), "__module__", "").startswith("raypose."):
        import torch

        from raypose.optim.schedules import build_schedule

        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
        build_schedule(cfg, optimizer, epochs, STEPS)


# By the key of the component: called with its plain configuration and the most epochs that a training may have.
BUILDERS: Mapping[str, Callable[[Mapping[str, Any], int], Any]] = MappingProxyType(
    {
        "sampler": lambda cfg, epochs: build_sampler(cfg, 0),
        "scheduler": lambda cfg, epochs: build_scheduler(cfg, "AP", "max", epochs),
        "lr_schedule": try_schedule,
        "metrics": lambda cfg, epochs: METRICS.build(cfg),
    }
)
