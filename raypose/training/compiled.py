"""A model's step through torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from raypose.errors import RayPoseError

COMPILER = ("torch._dynamo", "torch._inductor")  # where the errors of the compiler itself are from


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, compiled when it is first called, once for each shape of its arguments: an epoch has a full batch and
    perhaps a last one. The model that it is a method of stays as it is, so that weights keep their names.

    Raises:
        RayPoseError: when it is called, that it cannot be compiled here.

    Example:
        >>> loss = compiled(model.loss)(image, keypoints, visible)["loss"]
    """
    fast = torch.compile(function, dynamic=False)

    def call(*arguments: Any) -> Any:
        try:
            return fast(*arguments)
        except Exception as error:
            if not type(error).__module__.startswith(COMPILER):
                raise
            raise RayPoseError(
                f"torch.compile cannot compile the model here: {_last_line(error)}",
                hint="it needs a C++ compiler such as g++, and Triton on a GPU; or leave out training.compile",
                rule="compile",
                exit_status=1,
            ) from error

    return call


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
