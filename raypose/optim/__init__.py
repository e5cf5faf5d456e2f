"""Optimizers, optimizer constructors and learning-rate schedules, and what builds them from a configuration."""

from __future__ import annotations

from raypose.optim.builder import build_optimizer
from raypose.optim.schedules import build_schedule

__all__ = ["build_optimizer", "build_schedule"]
