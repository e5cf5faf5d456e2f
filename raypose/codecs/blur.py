"""Gaussian kernels, and maps blurred by them."""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn.functional import normalize

from raypose.errors import RayPoseError


def kernel_sigma(size: int) -> float:
    """The sigma of a kernel of `size` pixels: OpenCV's rule, and so MMPose's (for sizes up to 7 OpenCV has a table).

    Example:
        >>> kernel_sigma(11)
        2.0
    """
    return 0.3 * ((size - 1) * 0.5 - 1) + 0.8


def matched_size(sigma: float) -> int:
    """The odd size of the kernel whose sigma is nearest to `sigma`; blurred by it, a gaussian of that sigma stands out
    most from noise.

    Example:
        >>> [matched_size(sigma) for sigma in (1.0, 2.0, 3.0)]
        [5, 11, 17]
    """
    return max(1, 2 * round((sigma - 0.8) / 0.3 + 1) + 1)


def odd(name: str, size: int) -> int:
    """`size`, the value of the argument `name`.

    Raises:
        RayPoseError: it is even, or less than 1, and so has no pixel in its middle.
    """
    if size < 1 or size % 2 == 0:
        raise RayPoseError(
            f"{name} is the width of a kernel around a pixel and must be odd, but got {size}",
            hint=f"take {max(1, size - 1)} or {max(1, size + 1)}" if size > 1 else "take 1 for no blur",
            rule="kernel-size",
        )
    return size


def blur_size(size: int | None, sigma: float) -> int:
    """The argument `blur_kernel_size`, odd; by default it matches `sigma`."""
    return odd("blur_kernel_size", matched_size(sigma) if size is None else size)


def bell(distance: Tensor, sigma: float) -> Tensor:
    """exp(-distance² / 2 sigma²), a gaussian of peak 1."""
    return torch.exp(-(distance**2) / (2 * sigma**2))


def bells(centers: Tensor, length: int, sigma: float) -> Tensor:
    """Gaussians [..., length] of peak 1 around centers [...], in pixels."""
    grid = torch.arange(length, dtype=centers.dtype, device=centers.device)
    return bell(grid - centers.unsqueeze(-1), sigma)


def blur(maps: Tensor, size: int) -> Tensor:
    """Maps [...,h,w] under a gaussian kernel of `size` pixels, with zeros beyond the borders."""
    return along_both_axes(maps, *_kernels(maps, size))


def match(maps: Tensor, size: int) -> Tensor:
    """How well a gaussian kernel of `size` pixels, cut off by the borders, fits maps [...,h,w] around each pixel.

    Inside, this is a blur. At borders a blur draws peaks inwards; kernels of equal norm do not: no pixel fits the kernel
    that was cut off around another one better than its own (the inequality of Cauchy and Schwarz).
    """
    return along_both_axes(maps, *(normalize(kernels, dim=-1) for kernels in _kernels(maps, size)))


def along_both_axes(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows [...,a,h] @ maps [...,h,w] @ columns.T [...,w,b]; under autocast too in the precision of `maps`."""
    known = torch.amp.is_autocast_available(maps.device.type)  # `meta` has no autocast
    with torch.autocast(maps.device.type, enabled=False) if known else nullcontext():
        return rows @ maps @ columns.mT


def _kernels(maps: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Matrices [h,h] and [w,w] whose rows are the kernels around each row and column of maps [...,h,w]."""
    total = sum(math.exp(-0.5 * ((i - size // 2) / kernel_sigma(size)) ** 2) for i in range(size))
    grid = torch.arange(max(maps.shape[-2:]), dtype=maps.dtype, device=maps.device)
    distance = (grid - grid.unsqueeze(-1)).abs()
    kernels = bell(distance, kernel_sigma(size)) * (distance <= size // 2) / total
    height, width = maps.shape[-2:]
    return kernels[:height, :height], kernels[:width, :width]
