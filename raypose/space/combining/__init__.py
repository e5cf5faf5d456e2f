"""Combinations of a space's options to be tried, and which options are to blame for those that failed."""

from __future__ import annotations

from raypose.space.combining.combinations import Combinations, combinations
from raypose.space.combining.culprits import culprits

__all__ = ["Combinations", "combinations", "culprits"]
