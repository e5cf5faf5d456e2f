"""Partial configurations -> values of dimensions: `tune.initial_points`."""

from __future__ import annotations

from raypose.space.points.points import initial_points, point

__all__ = ["initial_points", "point"]
