"""Constraints on what a configuration costs, as text: "flops <= 2e9"."""

from __future__ import annotations

from raypose.space.constraints.constraint import NAMES, Constraint

__all__ = ["NAMES", "Constraint"]
