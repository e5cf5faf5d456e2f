"""The part of a pixel that a peak's neighbourhood tells (Zhang et al. 2020, "DARK", arXiv:1910.06278, section 3.2).

The logarithm of a gaussian is a parabola, of which one Newton step finds the top from anywhere near. Before, a blur takes
away noise. Derivatives are differences over one pixel, which are exact for a parabola, and only the pixels that they need
are blurred. Near a border the blur is as narrow as what is there on both sides, and in the last pixel the parabola is that
of the last three pixels: any padding would move the top.
"""

from __future__ import annotations

import torch
from torch import Tensor

from raypose.codecs.blur import along_both_axes, bell, kernel_sigma
from raypose.codecs.peaks import patches


def dark(maps: Tensor, x: Tensor, y: Tensor, kernel_size: int) -> Tensor:
    """Points [N,K,2] at the tops of maps [N,K,h,w] whose highest pixels are (x, y), [N,K] each.

    Example:
        >>> x, y, _ = highest(maps)
        >>> dark(maps, x, y, kernel_size=11)
    """
    columns, across, center_x = _taps(x, maps.shape[-1], kernel_size)
    rows, down, center_y = _taps(y, maps.shape[-2], kernel_size)
    log = _log(along_both_axes(patches(maps, columns, rows), down, across).flatten(2))
    a, b, c, d, at, e, f, g, h = log.unbind(-1)  # row by row
    dx, dxx = _derivatives(d, at, e)
    dy, dyy = _derivatives(b, at, g)
    dxy = (a - c - f + h) / 4
    dxy = torch.where(dxx * dyy > dxy**2, dxy, torch.zeros_like(dxy))  # a saddle has no top
    determinant = dxx * dyy - dxy**2
    step_x = (dxy * dy - dyy * dx) / determinant
    step_y = (dxy * dx - dxx * dy) / determinant
    return torch.stack(
        (
            _near(center_x + step_x, x, kernel_size, maps.shape[-1]),
            _near(center_y + step_y, y, kernel_size, maps.shape[-2]),
        ),
        -1,
    )


def dark_1d(values: Tensor, x: Tensor, kernel_size: int) -> Tensor:
    """Places [N,K] of the tops of values [N,K,L] that are highest at x [N,K]."""
    places, weights, center = _taps(x, values.shape[-1], kernel_size)
    around = values.gather(-1, places).unsqueeze(-2)
    slope, bend = _derivatives(*_log((weights * around).sum(-1)).unbind(-1))
    return _near(center - slope / bend, x, kernel_size, values.shape[-1])


def _taps(at: Tensor, length: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """What to read along one axis: places [N,K,size+2], the weights [N,K,3,size+2] that blur them to three values, and
    the place [N,K] of the middle one."""
    last, radius = length - 1, size // 2
    center = at.clamp(1, last - 1) if length > 2 else at
    offsets = torch.arange(-radius - 1, radius + 2, device=at.device)
    distance = (offsets - torch.arange(-1, 2, device=at.device).unsqueeze(-1)).abs()
    reaches = torch.arange(radius + 1, device=at.device)
    kernels = bell(distance, kernel_sigma(size)) * (distance <= reaches[:, None, None])
    kernels = kernels / kernels.sum(-1, keepdim=True)
    reach = (torch.minimum(center, last - center) - 1).clamp(0, radius)
    places = last - (last - (center.unsqueeze(-1) + offsets).abs()).abs()
    return places.clamp(0, last), kernels[reach], center


def _log(values: Tensor) -> Tensor:
    highest = values.amax(-1, keepdim=True).clamp(min=1e-12)
    return torch.log(torch.maximum(values, highest * 1e-4))


def _derivatives(before: Tensor, at: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    return (after - before) / 2, (before + after - 2 * at).clamp(max=-1e-6)


def _near(top: Tensor, peak: Tensor, size: int, length: int) -> Tensor:
    """The top, but no farther from the highest pixel than noise moves that, and inside the map."""
    reach = max(1, size // 8)
    near = torch.minimum(torch.maximum(top, peak - reach), (peak + reach).to(top.dtype))
    return near.clamp(-0.5, length - 0.5)
