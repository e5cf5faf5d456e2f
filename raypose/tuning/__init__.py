"""Searches on Ray Tune and an Optuna study. The only package that imports ray, which takes seconds: at its first use."""

from __future__ import annotations

from typing import Any

__all__ = ["SearchResult", "tune"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'raypose.tuning' has no attribute {name!r}")
    from raypose.tuning import search

    return getattr(search, name)
