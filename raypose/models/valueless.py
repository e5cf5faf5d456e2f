"""Trying things without values: on `meta`, else, for code that looks at values, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from raypose.errors import RayPoseError

T = TypeVar("T")


def without_values(run: Callable[[str], T], failure: str, rule: str) -> T:
    """`run("meta")`, which costs nothing; if that fails, `run("cpu")`, after which torch's generator is as it was.

    Raises:
        RayPoseError: both fail; its message is `failure`, and why.

    Example:
        >>> without_values(lambda device: torch.ones(2, device=device).sum().item(), "no sum", "sum")
        2.0
    """
    try:
        with torch.device("meta"):  # where tensors are that the code makes itself
            return run("meta")
    except Exception:
        try:
            with torch.random.fork_rng(devices=[]), torch.device("cpu"):
                return run("cpu")
        except Exception as error:
            raise RayPoseError(f"{failure}: {error}", rule=rule) from error
