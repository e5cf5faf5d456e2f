"""The value of every `--device`."""

from __future__ import annotations

from raypose.errors import RayPoseError


def device(name: str | None) -> str:
    """A device that is there: the one named, else `cuda` where there is one, else `cpu`.

    Raises:
        RayPoseError: it is neither `cpu` nor a CUDA device of this machine.

    Example:
        >>> device("cpu")
        'cpu'
    """
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        return "cuda" if there else "cpu"
    try:
        wanted = torch.device(name)
    except RuntimeError:
        wanted = None
    if wanted is None or wanted.type not in ("cpu", "cuda"):
        raise RayPoseError(f"--device must be cpu, cuda or cuda:N, but got '{name}'", rule="wrong-value")
    if wanted.type == "cuda" and (wanted.index or 0) >= there:
        raise RayPoseError(f"there is no device '{name}': CUDA has {there} here", hint="--device cpu", rule="no-device")
    return name
