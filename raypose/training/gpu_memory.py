"""Out of memory on a GPU, told with what was asked for and what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch

from raypose.errors import RayPoseError

GIB = 2**30
T = TypeVar("T")


class GpuMemoryError(RayPoseError):
    """A GPU's memory did not suffice."""


class Usage(NamedTuple):
    """The most bytes that this process's tensors took at once, those of the GPU, and its name."""

    peak: int
    total: int
    device: str


def usage(device: str) -> Usage:
    """Since `count_from_here`."""
    facts = torch.cuda.get_device_properties(device)
    return Usage(torch.cuda.max_memory_allocated(device), facts.total_memory, facts.name)


def count_from_here(device: str) -> None:
    """Forget the peak of those who used the process before."""
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def telling(call: Callable[[], T], doing: str, batch_size: int, device: str) -> T:
    """`call()`; where that takes more memory than a GPU has left, that is told.

    Raises:
        GpuMemoryError: it did.

    Example:
        >>> telling(lambda: model(images), "a prediction", 64, "cuda")
        raypose.training.gpu_memory.GpuMemoryError: out of GPU memory in a prediction with batch size 64: peak 14.2 GiB of
        15.9 GiB on Tesla T4; a smaller training.batch_size helps, ...
    """
    try:
        return call()
    except torch.OutOfMemoryError:
        pass  # raised from here, ours would hold the tensors of all frames that torch's came through
    peak, total, name = usage(device)
    raise GpuMemoryError(
        f"out of GPU memory in {doing} with batch size {batch_size}: "
        f"peak {peak / GIB:.1f} GiB of {total / GIB:.1f} GiB on {name}",
        hint="a smaller training.batch_size helps, or a bound such as tune.constraints: ['memory <= 8e9']",
        rule="gpu-memory",
        exit_status=1,
    )
